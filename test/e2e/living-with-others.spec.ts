import type { Server } from 'node:http';
import { GraphQLModule, GraphQLSchemaHost, Int, Query, Resolver, Subscription } from '@nestjs/graphql';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { of } from 'rxjs';
import { io } from 'socket.io-client';
import { type DataMessage, OnIn, push, WebSockHandler, WebSockModule } from '../../src/index.js';
import { WebSockGatewayAdapter } from '../../src/gateway.js';
import { listenForeignly, THEIRS } from '../support/foreign-listener.js';
import { SchemaDriver, serveSubscriptions, SubscriptionsDriver } from '../support/graphql-driver.js';
import { type AppSpec, closeApps, eachPlatform, type NestApp, startApp } from '../support/nest.js';

@WebSockHandler('rooms/:room')
class RoomHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSocketGateway({ path: '/chat' })
class ChatGateway {
  @SubscribeMessage('greet')
  greet(@MessageBody() name: string) {
    return { event: 'greeting', data: `hello ${name}` };
  }
}

@WebSocketGateway()
class SocketIoGateway {
  @SubscribeMessage('greet')
  greet(@MessageBody() name: string) {
    return `hello ${name}`;
  }
}

@Resolver()
class CountResolver {
  @Query(() => Int)
  count() {
    return 1;
  }

  @Subscription(() => Int)
  async *counts() {
    yield { counts: 1 };
    yield { counts: 2 };
    await Promise.resolve();
  }
}

/** The driver decides whether subscriptions are served. */
const graphQL = (driver: new () => SchemaDriver): AppSpec => ({
  imports: [GraphQLModule.forRoot({ driver, autoSchemaFile: true })],
  providers: [CountResolver],
});

/** Somebody else who takes upgrades of the app's HTTP server. */
interface Peer {
  /** Nest sets it up while it initialises the app: before us. */
  readonly before: AppSpec;
  /** The same on a server that is ours already. */
  readonly after: (app: NestApp) => void;
  /** What the app needs for `after`. */
  readonly prepared?: AppSpec;
  /** Talks to it as its clients do. */
  readonly talk: (app: NestApp) => Promise<unknown>;
  readonly answer: unknown;
}

const PEERS: Record<string, Peer> = {
  'gateways on WsAdapter': {
    before: { providers: [ChatGateway], setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)) },
    after: (app) => serveGreetings(new WsAdapter(serverOf(app))),
    talk: greet,
    answer: { event: 'greeting', data: 'hello Ada' },
  },
  'gateways on WebSockGatewayAdapter': {
    before: {
      providers: [ChatGateway],
      setUp: (nest) => nest.useWebSocketAdapter(new WebSockGatewayAdapter(nest)),
    },
    after: (app) => serveGreetings(new WebSockGatewayAdapter(serverOf(app))),
    talk: greet,
    answer: { event: 'greeting', data: 'hello Ada' },
  },
  'gateways on the socket.io adapter': {
    before: { providers: [SocketIoGateway] },
    after: serveSocketIo,
    talk: greetBySocketIo,
    answer: 'hello Ada',
  },
  'GraphQL subscriptions': {
    before: graphQL(SubscriptionsDriver),
    prepared: graphQL(SchemaDriver),
    after: (app) => {
      const { schema } = app.app.get(GraphQLSchemaHost);
      serveSubscriptions(serverOf(app), { schema });
    },
    talk: count,
    answer: [1, 2],
  },
  'a foreign listener': {
    before: { setUp: (nest) => listenForeignly(nest.getHttpServer() as Server) },
    after: (app) => listenForeignly(serverOf(app)),
    talk: async (app) => (await app.open('/theirs')).status,
    answer: THEIRS,
  },
};

interface Listenable {
  on(event: string, listener: unknown): void;
}

function serverOf({ app }: NestApp): Server {
  return app.getHttpServer() as Server;
}

function serveGreetings(adapter: WsAdapter): void {
  const gateway = adapter.create(0, { path: '/chat' }) as Listenable;
  const transform = (event: unknown) => of(event);
  gateway.on('connection', (client: unknown) => {
    const callback = (name: string) => new ChatGateway().greet(name);
    adapter.bindMessageHandlers(
      client,
      [{ message: 'greet', methodName: 'greet', callback }] as never,
      transform,
    );
  });
}

async function greet(app: NestApp): Promise<unknown> {
  const client = await app.open('/chat');
  client.text(JSON.stringify({ event: 'greet', data: 'Ada' }));
  return JSON.parse(await client.nextText());
}

function serveSocketIo(app: NestApp): void {
  const server = new IoAdapter(serverOf(app)).createIOServer(0) as Listenable;
  server.on('connection', (socket: Listenable) => {
    socket.on('greet', (name: string, reply: (text: string) => void) =>
      reply(new SocketIoGateway().greet(name)),
    );
  });
}

/** Polls first and then upgrades, as browsers do. */
async function greetBySocketIo(app: NestApp): Promise<unknown> {
  const client = io(`http://127.0.0.1:${app.port}`, { reconnection: false });
  try {
    await new Promise<void>((resolve, reject) =>
      client.once('connect', resolve).once('connect_error', reject),
    );
    const { engine } = client.io;
    if (engine.transport.name !== 'websocket')
      await new Promise<void>((resolve) => engine.once('upgrade', () => resolve()));
    return await client.emitWithAck('greet', 'Ada');
  } finally {
    client.disconnect();
  }
}

/** The protocol graphql-transport-ws. */
async function count(app: NestApp): Promise<unknown> {
  const client = await app.open('/graphql', {
    headers: { 'Sec-WebSocket-Protocol': 'graphql-transport-ws' },
  });
  const next = async () => JSON.parse(await client.nextText()) as { type: string; payload?: unknown };
  client.text(JSON.stringify({ type: 'connection_init' }));
  expect((await next()).type).toBe('connection_ack');
  client.text(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { counts }' } }));
  const counts: unknown[] = [];
  for (let message = await next(); message.type === 'next'; message = await next())
    counts.push((message.payload as { data: { counts: number } }).data.counts);
  return counts;
}

async function echo(app: NestApp): Promise<string> {
  const client = await app.open('/rooms/7');
  client.text('hello');
  return client.nextText();
}

/** Lays specs over the handlers' own. */
function withHandlers({ imports = [], providers = [], ...spec }: AppSpec = {}): AppSpec {
  return { imports: [WebSockModule, ...imports], providers: [RoomHandler, ...providers], ...spec };
}

eachPlatform('beside handlers on %s', (platform) => {
  afterEach(closeApps);

  describe.each(Object.entries(PEERS))('%s', (_name, { before, prepared, after, talk, answer }) => {
    it('work when they were there first', async () => {
      const app = await startApp(platform, withHandlers(before));
      expect(await talk(app)).toEqual(answer);
      expect(await echo(app)).toBe('hello');
      expect(await talk(app)).toEqual(answer);
    });

    it('work when they come later', async () => {
      const app = await startApp(platform, withHandlers(prepared));
      expect(await echo(app)).toBe('hello');
      after(app);
      expect(await talk(app)).toEqual(answer);
      expect(await echo(app)).toBe('hello');
    });
  });

  it('gateways and GraphQL subscriptions work together', async () => {
    const { before } = PEERS['gateways on WebSockGatewayAdapter']!;
    const { imports, providers = [] } = graphQL(SubscriptionsDriver);
    const app = await startApp(
      platform,
      withHandlers({ ...before, imports, providers: [...before.providers!, ...providers] }),
    );
    expect(await greet(app)).toEqual({ event: 'greeting', data: 'hello Ada' });
    expect(await count(app)).toEqual([1, 2]);
    expect(await echo(app)).toBe('hello');
  });
});
