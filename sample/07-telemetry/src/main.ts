import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { startTelemetry } from './telemetry.js';

// Before the app: what is there later is not traced.
startTelemetry();
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log(`Open ${(await app.getUrl()).replace('[::1]', 'localhost')} and watch this terminal.`);
