import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// Browsers open connections in advance: Node would wait a minute for them.
const app = await NestFactory.create(AppModule, { forceCloseConnections: true });
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log(`Open ${(await app.getUrl()).replace('[::1]', 'localhost')} and ask something.`);
