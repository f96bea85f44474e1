import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import uWS from '@trufflesuite/uws-js-unofficial';
import { WebSockModule } from 'nestjs-websock';
import { uws } from 'nestjs-websock/uws';
import { AppModule } from '../app.js';
import { ready } from './ready.js';

let port = 0;
const server = uws({
  app: () => uWS.App(),
  host: '127.0.0.1',
  port: 0,
  listening: (socket) => (port = uWS.us_socket_local_port(socket as object)),
});

@Module({ imports: [AppModule, WebSockModule.forRoot({ servers: [server] })] })
class UwsAppModule {}

const app = await NestFactory.create(UwsAppModule, { logger: ['warn', 'error'] });
await app.listen(0, '127.0.0.1');
ready(port);
