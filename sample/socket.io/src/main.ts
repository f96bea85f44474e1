import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// On SIGTERM and SIGINT clients are told that the server goes (1012), and come back to the next one.
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log('In a second terminal: node dist/sample/socket.io/src/client.js Ada red');
