import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// Browsers open connections in advance: Node would wait a minute for them.
const app = await NestFactory.create(AppModule, { forceCloseConnections: true });
// On SIGTERM and SIGINT pages are told that the server goes (1012), and come back to the next one with what was drawn meanwhile.
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log(`Open ${(await app.getUrl()).replace('[::1]', 'localhost')} and send the link to a friend.`);
