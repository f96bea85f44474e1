import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// On SIGTERM and SIGINT clients are told that the server goes, and come back to the next one.
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log(`Open ${(await app.getUrl()).replace('[::1]', 'localhost')} in two browser windows.`);
