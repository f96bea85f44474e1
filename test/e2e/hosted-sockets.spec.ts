import { once } from 'node:events';
import {
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Param,
  Query,
  Req,
  Scope,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_FILTER, REQUEST } from '@nestjs/core';
import { WebSocket } from 'ws';
import {
  HostedSocket,
  OnIn,
  OnSocket,
  OnTerminate,
  OnUpgrade,
  ok,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type HostedRequest,
  type UpgradableRequest,
} from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';
import { Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { bootError, closeApps, eachPlatform, startApp, type NestApp } from '../support/nest.js';

const imports = [WebSockModule];
const clients: WebSocket[] = [];

/** A client, and what it has got. */
async function open(app: NestApp, path: string): Promise<{ client: WebSocket; got: Log<string> }> {
  const client = new WebSocket(`ws://127.0.0.1:${app.port}${path}`);
  clients.push(client);
  const got = new Log<string>();
  client.on('message', (data: Buffer) => got.add(data.toString()));
  await once(client, 'open');
  return { client, got };
}

/** The status of the refusal. */
async function refusal(app: NestApp, path: string): Promise<number | undefined> {
  const client = new WebSocket(`ws://127.0.0.1:${app.port}${path}`);
  client.on('error', () => {});
  const [request, response] = (await once(client, 'unexpected-response')) as [
    { destroy(): void },
    { statusCode?: number },
  ];
  request.destroy();
  return response.statusCode;
}

class NoStrangers implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<{ query: { as?: string } }>().query.as !== undefined;
  }
}

@WebSockHandler('rooms/:room')
@UseGuards(NoStrangers)
class RoomHandler {
  @OnUpgrade()
  admit(@Param('room') room: string, @Query('as') as: string) {
    if (as === 'eve') throw new ForbiddenException();
    return { room, as };
  }

  @OnSocket()
  connected(socket: HostedSocket, request: HostedRequest, { room, as }: { room: string; as: string }) {
    socket.send(`${as} in ${room} by ${request.url}, ${request.params.room}`);
    socket.on('message', (data: Buffer) => socket.send(`${room}: ${data.toString()}`));
  }
}

@WebSockHandler('bare')
class BareHandler {
  @OnSocket()
  connected(socket: HostedSocket, request: HostedRequest, argument: { url: string }) {
    socket.send(`${request.url} ${argument.url} ${this instanceof BareHandler}`);
  }
}

@WebSockHandler('inheriting')
class InheritingHandler extends BareHandler {}

@WebSockHandler('scoped', { scope: Scope.REQUEST })
class ScopedHandler {
  private said = 0;

  constructor(@Inject(REQUEST) private readonly request: { url: string }) {}

  @OnSocket()
  connected(socket: HostedSocket) {
    socket.on('message', () => socket.send(`${this.request.url} ${++this.said}`));
  }
}

@Controller('called')
class CallingController {
  @Get(':name')
  live(@Req() request: UpgradableRequest, @Param('name') name: string) {
    return upgrade(request, ScopedHandler, name);
  }
}

const filtered: unknown[] = [];

class AnyFilter implements ExceptionFilter {
  catch(error: unknown) {
    filtered.push(error);
    return ok(undefined);
  }
}

@WebSockHandler('failing/:how')
@UseFilters(AnyFilter)
class FailingHandler {
  @OnSocket()
  async connected(socket: HostedSocket, request: HostedRequest) {
    if (request.params.how === 'rejects') await Promise.reject(new ForbiddenException('broken'));
    socket.on('message', () => {
      throw new ForbiddenException('broken');
    });
  }
}

const endings = new Log<unknown[]>();

@WebSockHandler('ending')
class EndingHandler {
  @OnSocket()
  connected(socket: HostedSocket) {
    socket.on('close', (code: number, reason: Buffer) => endings.add([code, reason.toString()]));
  }
}

// What must not boot

class Socket {
  @OnSocket()
  connected() {}
}

@WebSockHandler('beside')
class BesideHandler extends Socket {
  @OnIn()
  say(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@WebSockHandler('beside')
class BesideTerminateHandler extends Socket {
  @OnTerminate()
  left() {}
}

@WebSockHandler('twice')
class TwiceHandler extends Socket {
  @OnSocket()
  again() {}
}

@WebSockHandler('guarded')
class GuardedMethodHandler {
  @OnSocket()
  @UseGuards(NoStrangers)
  connected() {}
}

@WebSockHandler('decorated')
class DecoratedHandler {
  @OnSocket()
  connected(@Param('room') _room: HostedSocket) {}
}

@Controller()
class StrayController extends Socket {}

const FAULTS: [what: string, code: string, mentions: string[], handler: new () => object][] = [
  [
    'a callback beside it',
    'WEBSOCK_SOCKET_AND_CALLBACKS',
    ['BesideHandler', 'connected()', 'say()', '@OnIn()', "socket.on('message'"],
    BesideHandler,
  ],
  [
    'an @OnTerminate beside it',
    'WEBSOCK_SOCKET_AND_CALLBACKS',
    ['left()', '@OnTerminate()', "socket.on('close'"],
    BesideTerminateHandler,
  ],
  ['two of them', 'WEBSOCK_DUPLICATE_CALLBACK', ['again()', 'connected()', '@OnSocket()'], TwiceHandler],
  [
    'a guard of its own',
    'WEBSOCK_ENHANCER_ON_SOCKET',
    ['GuardedMethodHandler.connected()', '@OnUpgrade()'],
    GuardedMethodHandler,
  ],
  ['a parameter decorator', 'WEBSOCK_ENHANCER_ON_SOCKET', ['DecoratedHandler'], DecoratedHandler],
];

eachPlatform('@OnSocket on %s', (platform) => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    await closeApps();
  });

  it('gets the socket, the request and what @OnUpgrade returned, behind guards', async () => {
    const app = await startApp(platform, { imports, providers: [RoomHandler] });
    const { client, got } = await open(app, '/rooms/attic?as=ada');
    expect(await got.next()).toBe('ada in attic by /rooms/attic?as=ada, attic');
    client.send('hello');
    expect(await got.next()).toBe('attic: hello');
    expect(await refusal(app, '/rooms/attic')).toBe(403);
    expect(await refusal(app, '/rooms/attic?as=eve')).toBe(403);
    expect((await app.fetch('/rooms/attic?as=ada')).status).toBe(426);
  });

  it.each([
    ['without @OnUpgrade', BareHandler, '/bare?a=1'],
    ['inherited', InheritingHandler, '/inheriting?a=1'],
  ])('%s gets the facts of the request, on its instance', async (_what, handler, path) => {
    const app = await startApp(platform, { imports, providers: [handler] });
    const { got } = await open(app, path);
    expect(await got.next()).toBe(`${path} ${path} true`);
  });

  it('has an instance for each connection with a scope', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [ScopedHandler],
      controllers: [CallingController],
    });
    for (const path of ['/scoped?first', '/scoped?second', '/called/third', '/called/fourth']) {
      const { client, got } = await open(app, path);
      client.send('one');
      client.send('two');
      expect(await got.next()).toBe(`${path} 1`);
      expect(await got.next()).toBe(`${path} 2`);
    }
  });

  it.each(['throws in a listener', 'rejects'])(
    'closes with 1011, names the method and asks no filter when it %s',
    async (how) => {
      filtered.length = 0;
      const logger = new LogLines();
      const app = await startApp(platform, {
        imports,
        providers: [FailingHandler, { provide: APP_FILTER, useClass: AnyFilter }],
        logger,
      });
      const { client, got } = await open(app, `/failing/${how.split(' ')[0]}`);
      const closed = once(client, 'close');
      if (how !== 'rejects') client.send('go');
      expect((await closed)[0]).toBe(1011);
      expect(got.all).toEqual([]);
      expect(filtered).toEqual([]);
      expect(logger.at('error').join()).toContain('FailingHandler.connected');
    },
  );

  it('tells of the shutdown', async () => {
    const app = await startApp(platform, { imports, providers: [EndingHandler] });
    const { client } = await open(app, '/ending');
    const closed = once(client, 'close');
    await app.close();
    expect((await closed)[0]).toBe(1012);
    expect(await endings.next()).toEqual([1012, '']);
  });

  it('is replaced by what overrides its provider: by a method of its name, or by plain callbacks', async () => {
    const connected = (socket: HostedSocket) => socket.send('mocked');
    const stubs = [
      { connected, handleIn: () => 'is no callback here' },
      { init: () => ['push', ['text', 'mocked'], undefined] },
    ];
    for (const stub of stubs) {
      const app = await startApp(platform, {
        imports,
        providers: [BareHandler],
        override: (builder) => builder.overrideProvider(BareHandler).useValue(stub),
      });
      expect(await (await open(app, '/bare')).got.next()).toBe('mocked');
    }
  });

  it('can be driven without a socket', async () => {
    const { app } = await startApp(platform, { imports, providers: [RoomHandler] });
    const connection = await openHandler(app, RoomHandler, { argument: { room: 'attic', as: 'ada' } });
    expect((await connection.expectPush())[1]).toMatch(/^ada in attic/);
    connection.send(['text', 'hello']);
    expect(await connection.expectPush()).toEqual(['text', 'attic: hello']);
  });

  it.each(FAULTS)('does not boot with %s', async (_what, code, mentions, handler) => {
    const error = (await bootError(platform, { imports, providers: [handler] })) as Error;
    expect(error).toMatchObject({ code });
    for (const part of mentions) expect(error.message).toContain(part);
  });

  it('does not boot outside a handler', async () => {
    const error = await bootError(platform, { imports, controllers: [StrayController] });
    expect(error).toMatchObject({ code: 'WEBSOCK_CALLBACK_OUTSIDE_HANDLER' });
    expect((error as Error).message).toContain('@OnSocket()');
  });
});
