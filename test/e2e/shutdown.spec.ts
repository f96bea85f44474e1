import { Injectable, Module, type CanActivate, type OnModuleDestroy, UseGuards } from '@nestjs/common';
import {
  type CloseReason,
  ok,
  OnIn,
  OnInit,
  OnTerminate,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { Gate, Log } from '../support/log.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

let events: Log<string>;
let gate: Gate;

/** Disconnects in onModuleDestroy, as Prisma's and TypeORM's do. */
@Injectable()
class Database implements OnModuleDestroy {
  isConnected = true;

  async query(): Promise<string> {
    await Promise.resolve();
    return this.isConnected ? 'connected' : 'disconnected';
  }

  onModuleDestroy(): void {
    this.isConnected = false;
    events.add('disconnects');
  }
}

@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

@WebSockHandler('rooms')
class RoomHandler implements OnModuleDestroy {
  constructor(private readonly database: Database) {}

  @OnInit()
  init() {
    return ok('state');
  }

  @OnTerminate()
  async left(reason: CloseReason) {
    await gate.passed;
    events.add(`${String(reason)}: ${await this.database.query()}`);
  }

  onModuleDestroy() {
    events.add('handler destroyed');
  }
}

@Injectable()
class SlowGuard implements CanActivate {
  async canActivate() {
    events.add('guard');
    await gate.passed;
    return true;
  }
}

@WebSockHandler('slow')
@UseGuards(SlowGuard)
class SlowHandler {
  @OnIn()
  handle(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@Module({ imports: [WebSockModule, DatabaseModule], providers: [RoomHandler, SlowHandler] })
class RoomModule implements OnModuleDestroy {
  onModuleDestroy() {
    events.add('module destroyed');
  }
}

eachPlatform('app.close() on %s', (platform) => {
  const start = (drainer = {}) =>
    startApp(platform, { imports: [RoomModule, WebSockModule.forRoot({ drainer: { ...drainer } })] });

  beforeEach(() => {
    events = new Log();
    gate = new Gate();
  });
  afterEach(closeApps);

  it('runs terminate while everything that handlers use is alive, and waits for it', async () => {
    const app = await start();
    const clients = [await app.open('/rooms'), await app.open('/rooms')];
    let isClosed = false;
    const closed = app.close().then(() => (isClosed = true));
    expect((await app.open('/rooms')).status).toBe(503);
    expect([isClosed, events.all]).toEqual([false, []]);
    gate.open();
    for (const client of clients) {
      expect(await client.nextClose()).toEqual({ code: 1012, reason: '' });
      client.close(1012);
      client.end();
    }
    await closed;
    expect(events.all.slice(0, 2)).toEqual(['shutdown: connected', 'shutdown: connected']);
    expect(events.all.slice(2).sort()).toEqual(['disconnects', 'handler destroyed', 'module destroyed']);
    for (const client of clients) expect(client.tcpEnd).toBe('fin');
  });

  it('cuts off what is left after drainer.shutdown', async () => {
    const app = await start({ shutdown: 50, code: 4000 });
    const client = await app.open('/rooms');
    await app.close();
    expect(await client.ended()).not.toBe('open');
  });

  it('refuses an upgrade that is still in a guard with 503', async () => {
    const app = await start();
    const client = await RawClient.dial(app.port);
    client.write(requestBytes({ path: '/slow' }));
    expect(await events.next()).toBe('guard');
    const closed = app.close();
    expect(await client.ended()).toBe('fin');
    expect(client.status).toBe(503);
    gate.open();
    await closed;
  });

  it('resolves at once without connections', async () => {
    const app = await start();
    await app.close();
    expect(events.all.sort()).toEqual(['disconnects', 'handler destroyed', 'module destroyed']);
  });
});
