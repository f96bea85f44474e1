import { afterEach, expect, it } from '@jest/globals';
import type { Server } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { OnIn, ok, WebSockHandler, WebSockModule, WebSockServer } from '../../src/index.js';
import { closeApps, eachPlatform, type NestApp, startApp } from '../support/nest.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { settled } from '../support/timing.js';

const TOTAL = 2_000;
const AT_ONCE = 100;

/** By path: who is told when the guard has been asked, and gets the means to let it go on. */
const asked = new Map<string, (goOn: () => void) => void>();

/** Refuses `/guarded/no`; keeps all others waiting until it is told to go on. */
@Injectable()
class SlowGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { url } = context.switchToHttp().getRequest<{ url: string }>();
    if (url.endsWith('no')) return false;
    return new Promise((resolve) => asked.get(url)!(() => resolve(true)));
  }
}

@WebSockHandler('guarded/:what')
@UseGuards(SlowGuard)
class GuardedHandler {
  @OnIn()
  handle(_message: unknown, state: unknown) {
    return ok(state);
  }
}

/** What an upgrade could leave behind in the process. */
function remains(app: NestApp) {
  const server = app.app.getHttpServer() as Server;
  const active = process.getActiveResourcesInfo();
  const count = (kind: string) => active.filter((name) => name === kind).length;
  return {
    timers: count('Timeout'),
    sockets: count('TCPSocketWrap'),
    listeners: server.eventNames().map((name) => [name, server.listenerCount(name)]),
    connections: app.app.get(WebSockServer).connections.list(),
  };
}

async function connections(app: NestApp): Promise<number> {
  const server = app.app.getHttpServer() as Server;
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

/** Runs `one` `TOTAL` times, some at once, and looks at what is left when all sockets are gone. */
async function run(app: NestApp, one: () => Promise<void>) {
  // The first run makes what is made once.
  await one();
  await untilAlone(app);
  const before = remains(app);
  for (let i = 0; i < TOTAL; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, one));
  await untilAlone(app);
  return { before, after: remains(app) };
}

async function untilAlone(app: NestApp): Promise<void> {
  while ((await connections(app)) > 0) await new Promise((resolve) => setImmediate(resolve));
  await settled(() => process.getActiveResourcesInfo().length, 50);
}

type Remains = ReturnType<typeof remains>;

/** The frameworks have timers of their own, which come and go. */
function expectNothingMore({ timers, ...after }: Remains, { timers: before, ...rest }: Remains): void {
  expect(after).toEqual(rest);
  expect(timers).toBeLessThanOrEqual(before + 3);
}

eachPlatform('on %s', (platform) => {
  afterEach(closeApps);

  it(`${TOTAL} refused upgrades leave no listener, timer or socket behind`, async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [GuardedHandler, SlowGuard],
    });
    const { before, after } = await run(app, async () => {
      const client = await RawClient.dial(app.port);
      await client.request({ path: '/guarded/no' });
      expect(client.status).toBe(403);
      await client.ended();
      client.destroy();
    });
    expectNothingMore(after, before);
  }, 60_000);

  it(`${TOTAL} upgrades cut off in a guard leave no listener, timer or socket behind`, async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [GuardedHandler, SlowGuard],
    });
    let cut = 0;
    const { before, after } = await run(app, async () => {
      const path = `/guarded/${cut++}`;
      const client = await RawClient.dial(app.port);
      const goOn = await new Promise<() => void>((resolve) => {
        asked.set(path, resolve);
        client.write(requestBytes({ path }));
      });
      asked.delete(path);
      if (cut % 2 === 0) client.reset();
      else client.destroy();
      goOn();
    });
    expectNothingMore(after, before);
  }, 60_000);
});
