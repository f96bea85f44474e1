import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect } from '@nats-io/transport-node';
import {
  Connection,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  PubSub,
  push,
  WebSockHandler,
  WebSockModule,
  type TextMessage,
} from 'nestjs-websock';
import { nats } from 'nestjs-websock/nats';
import { redis } from 'nestjs-websock/redis';
import { createClient } from 'redis';
import { brokerUrl, portOf, ready } from './ready.js';

/** Straight to the client, or through each connection's handler. What is broadcast is the client's message as it is. */
const options = process.env.DELIVERY === 'info' ? {} : { fastlane: (message: TextMessage) => message };

@WebSockHandler('room')
class RoomHandler {
  constructor(private readonly pubsub: PubSub) {}

  @OnInit()
  enter(_request: unknown, connection: Connection) {
    connection.subscribe('room', options);
    return ok(undefined);
  }

  @OnIn('text')
  publish(message: TextMessage, state: unknown) {
    this.pubsub.broadcast('room', message);
    return ok(state);
  }

  @OnInfo()
  deliver(message: TextMessage, state: unknown) {
    return push(message, state);
  }
}

async function engine() {
  if (brokerUrl.startsWith('nats:')) return nats({ connection: await connect({ servers: brokerUrl }) });
  return redis({ client: createClient({ url: brokerUrl }) });
}

@Module({
  imports: [WebSockModule.forRoot({ cluster: { engine: await engine() } })],
  providers: [RoomHandler],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
await app.listen(0, '127.0.0.1');
ready(portOf(app.getHttpServer()));
