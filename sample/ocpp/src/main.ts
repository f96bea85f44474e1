import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// On SIGTERM and SIGINT stations are told that the server goes (1012), and come back to the next one.
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log('In a second terminal: node dist/sample/ocpp/src/station.js cellar cellar-key');
