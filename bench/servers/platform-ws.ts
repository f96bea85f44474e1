import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { COUNT } from '../work.js';
import { portOf, ready, work } from './ready.js';

@WebSocketGateway({ path: `/${work}` })
class Gateway {
  private received = 0;

  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('receive')
  receive(@MessageBody() data: string) {
    if (data === COUNT) return { event: 'receive', data: `${this.received}` };
    this.received++;
    return undefined;
  }
}

@Module({ providers: [Gateway] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
ready(portOf(app.getHttpServer()));
