import { ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  Controller,
  Get,
  Module,
  Req,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TOKEN } from '../work.js';
import { WebSocketServer } from '../ws.js';
import { portOf, ready } from './ready.js';

// The least that a guard in Nest's own pipeline can cost: the route takes the socket away as soon as the guard has let it through.
// Headers that the app sets, what runs after the route, limits, refusals after it: nothing of that works.

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const UPGRADE = Symbol('upgrade');

type UpgradeRequest = IncomingMessage & { [UPGRADE]?: [head: Buffer, response: ServerResponse] };

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<{ query: { token?: string } }>().query.token === TOKEN;
  }
}

@Controller('guarded')
class GuardedController {
  @UseGuards(TokenGuard)
  @Get()
  upgrade(@Req() request: UpgradeRequest & { raw?: UpgradeRequest }): void {
    const raw = request.raw ?? request;
    const [head, response] = raw[UPGRADE]!;
    response.detachSocket(raw.socket);
    sockets.handleUpgrade(raw, raw.socket, head, (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
  }
}

@Module({ controllers: [GuardedController] })
class AppModule {}

const options = { logger: ['warn', 'error'] as ('warn' | 'error')[] };
const app =
  process.env.ADAPTER === 'fastify'
    ? await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), options)
    : await NestFactory.create(AppModule, options);
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer() as Server;
server.on('upgrade', (request: UpgradeRequest, socket: Socket, head: Buffer) => {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    if (response.socket !== null) socket.destroySoon();
  });
  request[UPGRADE] = [head, response];
  server.emit('request', request, response);
});
ready(portOf(server));
