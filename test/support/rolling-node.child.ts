import { subscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect } from '@nats-io/transport-node';
import { createClient } from 'redis';
import {
  Connection,
  Connections,
  OnInfo,
  OnInit,
  PubSub,
  push,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { nats } from '../../src/nats.js';
import { redis } from '../../src/redis.js';

/** A node that broadcasts numbered news all the time, `A1 0`, `A1 1`, …, and writes to connections of the other node. */
const [run, port, brokerUrl] = process.argv.slice(2) as [string, string, string];

@WebSockHandler('news')
class NewsHandler {
  @OnInit()
  enter(_request: unknown, connection: Connection) {
    connection.subscribe('news');
    return push(text(`ref ${connection.ref}`), 0);
  }

  /** Now and then it is slow, so that something waits in the mailbox. */
  @OnInfo()
  async deliver(info: string, seen: number) {
    if (seen % 8 === 0) await turn();
    return push(text(info), seen + 1);
  }
}

async function engineAt(url: string) {
  if (url.startsWith('redis:')) return redis({ client: createClient({ url }) });
  return nats({ connection: await connect({ servers: url, maxReconnectAttempts: -1 }) });
}

@Module({
  imports: [WebSockModule.forRoot({ cluster: { engine: await engineAt(brokerUrl) } })],
  providers: [NewsHandler],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
await app.listen(Number(port), '127.0.0.1');

const pubsub = app.get(PubSub);
const connections = app.get(Connections);
const penPals = new Set<string>();
let published = 0;

setInterval(() => {
  for (let i = 0; i < 4; i++, published++) {
    pubsub.broadcast('news', `${run} ${published}`);
    for (const ref of penPals) connections.sendInfo(ref, `${run}-letter ${published}`);
  }
}, 5);

// Nothing is published within the event, so this is what has been accepted before the drain.
subscribe('nestjs-websock.drain.start', () => process.send!({ accepted: published }));
process.on('message', (ref: string) => penPals.add(ref));
process.once('disconnect', () => process.exit());
process.send!('listening');
