import { setTimeout as wait } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Journal } from './journal.js';

const first = Number(process.env.PORT ?? 3000);
const ports = [first, first + 1];
const journal = new Journal();
setInterval(() => journal.append(`clock: ${new Date().toLocaleTimeString()}`), 1_000);

async function start(port: number): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule.on(journal), { logger: ['warn', 'error'] });
  await app.listen(port);
  return app;
}

// Two instances, which restart in turn, as in a deployment that never ends.
const apps = await Promise.all(ports.map(start));
console.log('In a second terminal: node dist/sample/trpc/src/client.js Ada');
for (let turn = 0; ; turn = 1 - turn) {
  await wait(10_000);
  await apps[turn]!.close();
  apps[turn] = await start(ports[turn]!);
}
