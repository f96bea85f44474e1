import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { portOf, ready } from './ready.js';

@WebSocketGateway({ transports: ['websocket'] })
class Gateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }
}

@Module({ providers: [Gateway] })
class AppModule {}

// Nest's gateways are on socket.io unless told otherwise.
const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
await app.listen(0, '127.0.0.1');
ready(portOf(app.getHttpServer()));
