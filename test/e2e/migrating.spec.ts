import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  Req,
  type Type,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import {
  Connections,
  type DataMessage,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  push,
  stop,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';
import { RawClient, type RequestSpec } from '../support/raw-client.js';

// docs/migrating-from-gateways.md, each of its steps: a gateway and a handler that do the same, in one app.

/** Who was there. */
@Injectable()
class Journal {
  readonly left: string[] = [];
  #wake = () => {};

  add(user: string) {
    this.left.push(user);
    this.#wake();
  }

  async first(): Promise<string> {
    if (this.left.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.left[0]!;
  }
}

function userOf(authorization: string | undefined): string | undefined {
  return authorization?.match(/^Bearer (ada|bob)$/)?.[1];
}

function isNumbers(data: unknown): data is number[] {
  return Array.isArray(data) && data.every((item) => typeof item === 'number');
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

// Before

type Client = WebSocket & { user?: string };

function json(event: string, data: unknown): string {
  return JSON.stringify({ event, data });
}

@Catch(WsException)
class ErrorFilter implements ExceptionFilter<WsException> {
  catch(error: WsException, host: ArgumentsHost) {
    host.switchToWs().getClient<Client>().send(json('error', error.message));
  }
}

/** Reads what handleConnection has left on the client, as others read `client.handshake`. */
class ClientGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    if (context.switchToWs().getClient<Client>().user !== 'ada') throw new WsException('only ada');
    return true;
  }
}

interface Gateway {
  announce(news: string): void;
}

/** On a port of its own. */
function gatewayAt(port: number): Type<Gateway> {
  @WebSocketGateway(port, { path: '/chat' })
  @UseFilters(ErrorFilter)
  class ChatGateway implements OnGatewayConnection<Client>, OnGatewayDisconnect<Client>, Gateway {
    @WebSocketServer()
    private readonly server!: Server;

    constructor(@Inject('gateway journal') private readonly journal: Journal) {}

    handleConnection(client: Client, request: IncomingMessage) {
      client.user = userOf(request.headers.authorization);
      if (client.user === undefined) client.close(4401, 'Unauthorized');
      else client.send(json('welcome', client.user));
    }

    handleDisconnect({ user }: Client) {
      if (user !== undefined) this.journal.add(user);
    }

    @SubscribeMessage('add')
    add(@MessageBody() numbers: unknown) {
      if (!isNumbers(numbers)) throw new WsException('numbers expected');
      return { event: 'sum', data: sum(numbers) };
    }

    @UseGuards(ClientGuard)
    @SubscribeMessage('secret')
    secret() {
      return { event: 'secret', data: 42 };
    }

    @SubscribeMessage('quit')
    quit(@ConnectedSocket() client: Client) {
      client.close(1000, 'bye');
    }

    announce(news: string) {
      for (const client of this.server.clients) client.send(json('news', news));
    }
  }
  return ChatGateway;
}

// After

type AuthRequest = IncomingMessage & { user?: string };

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    request.user = userOf(request.headers.authorization);
    if (request.user === undefined) throw new UnauthorizedException();
    return true;
  }
}

function parse([, data]: DataMessage): { event?: unknown; data?: unknown } {
  try {
    return Object(JSON.parse(data.toString())) as object;
  } catch {
    return {};
  }
}

function event(name: string, data: unknown) {
  return text(json(name, data));
}

interface State {
  readonly user: string;
}

@WebSockHandler('chat')
@UseGuards(TokenGuard)
class ChatHandler {
  constructor(@Inject('handler journal') private readonly journal: Journal) {}

  @OnUpgrade()
  admit(@Req() { user }: AuthRequest) {
    return user;
  }

  @OnInit()
  welcome(user: string) {
    return push(event('welcome', user), { user });
  }

  @OnIn()
  receive(message: DataMessage, state: State) {
    const { event: name, data } = parse(message);
    switch (name) {
      case 'add':
        return push(isNumbers(data) ? event('sum', sum(data)) : event('error', 'numbers expected'), state);
      case 'secret':
        return push(state.user === 'ada' ? event('secret', 42) : event('error', 'only ada'), state);
      case 'quit':
        return stop('normal', [1000, 'bye'], state);
      default:
        return ok(state);
    }
  }

  @OnInfo()
  news(news: string, state: State) {
    return push(event('news', news), state);
  }

  @OnTerminate()
  left(_reason: unknown, { user }: State) {
    this.journal.add(user);
  }
}

@Injectable()
class NewsService {
  constructor(private readonly connections: Connections) {}

  announce(news: string) {
    for (const ref of this.connections.list()) this.connections.sendInfo(ref, news);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

eachPlatform('a gateway and the handler that takes its place, on %s', (platform) => {
  const clients: RawClient[] = [];

  /** What both do, with what to do it through. */
  const start = async () => {
    const port = await freePort();
    const gateway = gatewayAt(port);
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [
        gateway,
        ChatHandler,
        NewsService,
        { provide: 'gateway journal', useClass: Journal },
        { provide: 'handler journal', useClass: Journal },
      ],
      setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
    });
    const openAt = async (at: number, authorization: string | null) => {
      const spec: RequestSpec = { path: '/chat', headers: { Authorization: authorization } };
      const client = await RawClient.open(at, spec);
      clients.push(client);
      return client;
    };
    const side = (name: string, at: number, announcer: Type<Gateway>) => ({
      name,
      open: (authorization: string | null) => openAt(at, authorization),
      announce: (news: string) => app.app.get<Gateway>(announcer).announce(news),
      journal: app.app.get<Journal>(`${name} journal`),
    });
    return [side('gateway', port, gateway), side('handler', app.port, NewsService)] as const;
  };

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await closeApps();
  });

  it('greet a client: handleConnection, @OnUpgrade and @OnInit', async () => {
    for (const { open } of await start()) {
      expect(await (await open('Bearer ada')).nextText()).toBe(json('welcome', 'ada'));
    }
  });

  it('turn a stranger away: a close after the 101, a 401 in its place', async () => {
    const [gateway, handler] = await start();
    const late = await gateway.open(null);
    expect([late.status, await late.nextClose()]).toEqual([101, { code: 4401, reason: 'Unauthorized' }]);
    const refused = await handler.open(null);
    expect([refused.status, await refused.ended()]).toEqual([401, 'fin']);
  });

  it('answer messages: @SubscribeMessage, @OnIn', async () => {
    for (const { open } of await start()) {
      const client = await open('Bearer ada');
      await client.nextText();
      client.text(json('unknown', 1));
      client.text(json('add', [1, 2, 3]));
      expect(await client.nextText()).toBe(json('sum', 6));
    }
  });

  it('answer bad messages: WsException and a filter, a result', async () => {
    for (const { open } of await start()) {
      const client = await open('Bearer ada');
      await client.nextText();
      client.text(json('add', 'x'));
      expect(await client.nextText()).toBe(json('error', 'numbers expected'));
    }
  });

  it('check who may send: a guard that reads the client, the state', async () => {
    for (const { open } of await start()) {
      const [ada, bob] = [await open('Bearer ada'), await open('Bearer bob')];
      await Promise.all([ada.nextText(), bob.nextText()]);
      for (const client of [ada, bob]) client.text(json('secret', null));
      expect(await ada.nextText()).toBe(json('secret', 42));
      expect(await bob.nextText()).toBe(json('error', 'only ada'));
    }
  });

  it('tell everybody: server.emit, info', async () => {
    for (const { open, announce } of await start()) {
      const all = [await open('Bearer ada'), await open('Bearer bob')];
      for (const client of all) await client.nextText();
      announce('snow');
      for (const client of all) expect(await client.nextText()).toBe(json('news', 'snow'));
    }
  });

  it('close: client.close(), stop', async () => {
    for (const { open } of await start()) {
      const client = await open('Bearer ada');
      await client.nextText();
      client.text(json('quit', null));
      expect(await client.nextClose()).toEqual({ code: 1000, reason: 'bye' });
    }
  });

  it('notice who left: handleDisconnect, @OnTerminate', async () => {
    for (const { open, journal } of await start()) {
      const client = await open('Bearer bob');
      await client.nextText();
      client.close(1000);
      await client.nextClose();
      client.destroy();
      expect(await journal.first()).toBe('bob');
    }
  });
});
