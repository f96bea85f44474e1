import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Req,
  Scope,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { NestFactory, REQUEST } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  Connections,
  OnIn,
  push,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type DataMessage,
  type UpgradableRequest,
} from '../../src/index.js';
import { answerParent, measureHeld } from './remote-answers.js';

// A Nest app with a handler that has an instance for each connection, declared and by upgrade(). `instances` are those of the
// handler and of its provider that have not been collected.

let instances = 0;
const collected = new FinalizationRegistry<void>(() => instances--);

class Counted {
  constructor() {
    instances++;
    collected.register(this);
  }
}

@Injectable({ scope: Scope.REQUEST })
class Visit extends Counted {}

@Injectable()
class VisitGuard implements CanActivate {
  constructor(readonly visit: Visit) {}

  canActivate() {
    return true;
  }
}

@WebSockHandler('declared', { scope: Scope.REQUEST })
@UseGuards(VisitGuard)
class ScopedHandler extends Counted {
  constructor(
    readonly visit: Visit,
    @Inject(REQUEST) readonly request: object,
  ) {
    super();
  }

  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@Controller()
class UpgradingController {
  @Get('called')
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, ScopedHandler, undefined, { guardedByCaller: true });
  }
}

@Module({
  imports: [WebSockModule],
  controllers: [UpgradingController],
  providers: [ScopedHandler, Visit],
})
class AppModule {}

const [platform] = process.argv.slice(2);
const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer() as Server;

answerParent({
  held: () => measureHeld(server, app.get(Connections)),
  async instances() {
    globalThis.gc!();
    // Finalizers run in a task of their own.
    await turn();
    await turn();
    return instances;
  },
});
process.send!((server.address() as AddressInfo).port);
