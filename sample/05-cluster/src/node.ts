import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import type { Settings } from './settings.js';

/** One node, in a process of its own: main.ts starts it. */
const settings = JSON.parse(process.env.SETTINGS!) as Settings;
const app = await NestFactory.create(await AppModule.on(settings), {
  logger: ['warn', 'error'],
  // Browsers open connections in advance: Node would wait a minute for them.
  forceCloseConnections: true,
});
// On SIGTERM clients are told with 1012 and go to the other node; what they said before has arrived there.
app.enableShutdownHooks();
await app.listen(process.env.PORT!);
process.send?.('listening');
// It does not outlive who started it.
process.once('disconnect', () => void app.close().then(() => process.exit()));
