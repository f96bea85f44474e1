import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// On SIGTERM and SIGINT clients are told that the server goes (1012), and bring to the next one what was written meanwhile.
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log('In a second terminal: node dist/sample/yjs/src/client.js Ada');
