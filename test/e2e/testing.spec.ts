import { createServer } from 'node:http';
import { AssertionError } from 'node:assert';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Injectable,
  Param,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { INestApplication } from '@nestjs/common';
import {
  Connections,
  OnIn,
  OnInfo,
  OnInit,
  OnUpgrade,
  ok,
  PubSub,
  ping,
  pong,
  push,
  reply,
  stop,
  text,
  upgrade,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
  type Connection,
  type DataMessage,
  type HandleResult,
} from '../../src/index.js';
import { connect, openHandler, UpgradeRefusedError } from '../../src/testing/index.js';

@Injectable()
class Rooms {
  greeting(name: string): string {
    return `hello ${name}`;
  }
}

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers.authorization === undefined) throw new UnauthorizedException('no token');
    return true;
  }
}

interface Admission {
  room: string;
}

interface State {
  room: string;
  connection: Connection;
}

@WebSockHandler('rooms/:room', { timeout: 2_000, heartbeat: false, protocols: ['chat.v1'] })
@UseGuards(TokenGuard)
class RoomHandler {
  constructor(
    private readonly rooms: Rooms,
    private readonly connections: Connections,
  ) {}

  @OnUpgrade()
  admit(@Param('room') room: string): Admission {
    return { room };
  }

  @OnInit()
  enter({ room }: Admission, connection: Connection) {
    return push(text(this.rooms.greeting(room)), { room, connection });
  }

  @OnIn()
  say([, data]: DataMessage, state: State): HandleResult<State> {
    if (data === 'bye') return stop('normal', [4000, 'as you wish'], state);
    if (data === 'echo') return push(text(data), state);
    if (data === 'self') this.connections.sendInfo(state.connection.ref, 'by ref');
    if (data === 'later') this.connections.sendInfoAfter(state.connection.ref, 1_000, 'later');
    return ok(state);
  }

  @OnInfo()
  told(message: string, state: State) {
    return reply(message.length, text(message), state);
  }
}

const token = { headers: { authorization: 'Bearer x' } };
const apps: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

function roomModule(imports = [WebSockModule]): TestingModuleBuilder {
  return Test.createTestingModule({ imports, providers: [RoomHandler, Rooms] });
}

async function compiled(builder: TestingModuleBuilder): Promise<TestingModule> {
  const module = await builder.compile();
  apps.push(module);
  return module;
}

describe('openHandler on a TestingModule', () => {
  const argument: Admission = { room: 'lobby' };

  it('drives a handler of a module that was only compiled', async () => {
    const room = await openHandler(await compiled(roomModule()), RoomHandler, { argument });
    await room.expectPush(text('hello lobby'));
    expect(await room.call('four')).toBe(4);
    await room.expectPush(text('four'));
    room.send(text('bye'));
    await room.expectClose(4000, 'as you wish');
    expect(room.terminated).toBe('normal');
  });

  it('drives a handler of an app', async () => {
    const module = await roomModule().compile();
    const app = await module.createNestApplication().init();
    apps.push(app);
    const room = await openHandler(app, RoomHandler, { argument });
    await room.expectPush(text('hello lobby'));
  });

  it('uses what overrides the provider and what it injects', async () => {
    const quiet = roomModule()
      .overrideProvider(Rooms)
      .useValue({ greeting: () => 'overridden' });
    const room = await openHandler(await compiled(quiet), RoomHandler, { argument });
    await room.expectPush(text('overridden'));
    const stub = roomModule()
      .overrideProvider(RoomHandler)
      .useValue({ handleIn: (message: DataMessage) => push(message, 0) });
    const stubbed = await openHandler(await compiled(stub), RoomHandler);
    stubbed.send(text('echo'));
    await stubbed.expectPush(text('echo'));
  });

  it('is known to the Connections of the app, timers by the clock', async () => {
    const module = await compiled(roomModule());
    const room = await openHandler(module, RoomHandler, { argument });
    await room.expectPush();
    expect(module.get(Connections, { strict: false }).list()).toEqual([room.ref]);
    room.send(text('self'));
    await room.expectPush(text('by ref'));
    room.send(text('later'));
    await room.clock.advance(999);
    await room.expectNothing();
    await room.clock.advance(1);
    await room.expectPush(text('later'));
    room.drop();
    await room.expectClose(1006);
    expect(module.get(Connections, { strict: false }).list()).toEqual([]);
  });

  it('is reached by the topics of the app', async () => {
    @WebSockHandler('member')
    class MemberHandler {
      @OnInit()
      enter(_request: unknown, connection: Connection) {
        connection.subscribe('room:lobby');
        return ok(0);
      }

      @OnInfo()
      told(words: string, state: number) {
        return push(text(words), state);
      }
    }
    const module = await compiled(
      Test.createTestingModule({ imports: [WebSockModule], providers: [MemberHandler] }),
    );
    const room = await openHandler(module, MemberHandler);
    const pubsub = module.get(PubSub, { strict: false });
    expect(room.pubsub).toBe(pubsub);
    pubsub.broadcast('room:lobby', 'hello');
    await room.expectPush(text('hello'));
    pubsub.broadcastFrom(room.ref, 'room:lobby', 'to others');
    await room.expectNothing();
  });

  it('applies the options of the handler, over those of the module, under those of the test', async () => {
    const module = await compiled(
      Test.createTestingModule({
        imports: [WebSockModule.forRoot({ timeout: 1_000, maxMessageSize: 10 })],
        providers: [RoomHandler, Rooms],
      }),
    );
    const room = await openHandler(module, RoomHandler, { argument });
    await room.expectPush();
    await room.clock.advance(1_999);
    await room.expectNothing();
    room.send(text('01234567890'));
    await room.expectClose(1009);
    const patient = await openHandler(module, RoomHandler, { argument, options: { timeout: 9_000 } });
    await patient.expectPush();
    await patient.clock.advance(8_999);
    await patient.expectNothing();
    await patient.clock.advance(1);
    await patient.expectClose(1001);
  });

  it('does without WebSockModule', async () => {
    const module = await compiled(
      Test.createTestingModule({
        providers: [RoomHandler, Rooms, { provide: Connections, useValue: { sendInfo() {} } }],
      }),
    );
    const room = await openHandler(module, RoomHandler, { argument });
    await room.expectPush(text('hello lobby'));
  });

  it('refuses a class that is no handler, or that nobody provides', async () => {
    const module = await compiled(roomModule());
    @WebSockHandler('other')
    class Other {
      handleIn = () => ok(0);
    }
    await expect(openHandler(module, Rooms)).rejects.toMatchObject({ code: 'WEBSOCK_NOT_A_HANDLER' });
    await expect(openHandler(module, Other)).rejects.toThrow(/Other/);
  });
});

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('connect to an app on %s', (_, adapter) => {
  async function start(): Promise<INestApplication> {
    const module = await roomModule().compile();
    const app = module.createNestApplication(adapter() as ExpressAdapter);
    apps.push(app);
    return app;
  }

  it('makes an app listen, for several clients at once', async () => {
    const app = await start();
    const [ann, bob] = await Promise.all([
      connect(app, '/rooms/a', token),
      connect(app, '/rooms/b', { ...token, protocols: ['chat.v2', 'chat.v1'] }),
    ]);
    await ann.expectPush(text('hello a'));
    await bob.expectPush(text('hello b'));
    expect(bob.protocol).toBe('chat.v1');
    expect(ann.headers).toHaveProperty('sec-websocket-accept');
  });

  it('shows pushes, pongs, close codes', async () => {
    const ann = await connect(await start(), 'rooms/a', token);
    await ann.expectPush(text('hello a'));
    await ann.expectNothing();
    ann.ping('x');
    await ann.expectPush(pong('x'));
    ann.send(text('bye'));
    expect(await ann.expectClose(4000, 'as you wish')).toEqual({ code: 4000, reason: 'as you wish' });
  });

  it('closes and drops from the client', async () => {
    const app = await start();
    const ann = await connect(app, '/rooms/a', token);
    await ann.expectPush();
    ann.close(3001, 'done');
    await ann.expectClose(3001, 'done');
    const bob = await connect(app, '/rooms/a', token);
    await bob.expectPush();
    bob.drop();
    await bob.expectClose(1006);
  });

  it('shows the server’s shutdown', async () => {
    const app = await start();
    const ann = await connect(app, '/rooms/a', token);
    await ann.expectPush();
    await app.close();
    await ann.expectClose(1012);
  });

  it('rejects with the response where the upgrade is refused', async () => {
    const app = await start();
    const refused = await connect(app, '/rooms/a').catch((error: unknown) => error as UpgradeRefusedError);
    expect(refused).toBeInstanceOf(UpgradeRefusedError);
    expect(refused).toMatchObject({
      status: 401,
      headers: { 'content-type': expect.stringMatching(/^application\/json/) },
    });
    expect(JSON.parse((refused as UpgradeRefusedError).body)).toMatchObject({ message: 'no token' });
    await expect(connect(app, '/nowhere', token)).rejects.toMatchObject({ status: 404 });
  });

  it('fails as openHandler does', async () => {
    const ann = await connect(await start(), '/rooms/a', { ...token, within: 20 });
    const wrong = ann.expectPush(text('hi'));
    await expect(wrong).rejects.toThrow('expected text("hi"), but text("hello a") came');
    await expect(wrong).rejects.toBeInstanceOf(AssertionError);
    await expect(ann.expectPush()).rejects.toThrow('expected a message, but nothing came within 20 ms');
    ann.send(text('echo'));
    await expect(ann.expectNothing()).rejects.toThrow('expected nothing, but text("echo") came');
  });
});

describe('connect', () => {
  it('takes a plain HTTP server, and a URL', async () => {
    const server = createServer((request, response) => {
      upgrade(request, { init: () => push([text('hi'), ping('p')], 0) });
      response.end();
    });
    const websockets = new WebSockServer().attach(server);
    apps.push({
      close: async () => {
        await websockets.close();
        server.close();
      },
    });
    const first = await connect(server, '/');
    await first.expectPush(text('hi'));
    await first.expectPush(ping('p'));
    const { port } = server.address() as { port: number };
    const second = await connect(`http://127.0.0.1:${port}`, '/x?y=1');
    await second.expectPush(text('hi'));
  });

  it('rejects where nobody listens', async () => {
    await expect(connect('ws://127.0.0.1:1', '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
