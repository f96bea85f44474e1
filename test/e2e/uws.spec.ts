import { createServer, type AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import {
  Controller,
  ForbiddenException,
  Get,
  Header,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  Param,
  ParseIntPipe,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import uWS from '@trufflesuite/uws-js-unofficial';
import expressSession from 'express-session';
import {
  Connections,
  ConfigError,
  MissingPackageError,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  WebSockError,
  WebSockHandler,
  WebSockModule,
  ok,
  push,
  text,
  upgrade,
  type CloseReason,
  type DataMessage,
  type UpgradableRequest,
  type UpgradeRequest,
  type WebSockModuleOptions,
} from '../../src/index.js';
import type { UwsAppLike } from '../../src/uws/index.js';
import { uws } from '../../src/uws/index.js';
import { Gate, Log } from '../support/log.js';
import {
  bootError,
  closeApps,
  eachPlatform,
  startApp,
  type NestApp,
  type Platform,
} from '../support/nest.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { UwsPort } from '../support/uws.js';

let events: Log<string>;
let departures: Log<string>;
let gate: Gate;

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query } = context.switchToHttp().getRequest<{ query: { token?: string } }>();
    if (query.token === 'good') return true;
    throw new UnauthorizedException('no good token');
  }
}

class SlowGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<IncomingMessage & { raw?: IncomingMessage }>();
    (request.raw ?? request).once('close', () => departures.add('gone'));
    events.add('guard');
    await gate.passed;
    return true;
  }
}

@WebSockHandler('rooms/:room', { protocols: ['chat'] })
class RoomHandler {
  @OnUpgrade()
  admit(@Param('room', ParseIntPipe) room: number) {
    return room;
  }

  @OnInit()
  init(room: number) {
    return push(text(`in ${room}`), room);
  }

  @OnIn()
  echo(message: DataMessage, room: number) {
    return push(message, room);
  }

  @OnInfo()
  said(message: string, room: number) {
    return push(text(message), room);
  }

  @OnTerminate()
  async left(reason: CloseReason) {
    events.add(`left: ${String(reason)}`);
    await gate.passed;
  }
}

@WebSockHandler('guarded')
@UseGuards(TokenGuard)
class GuardedHandler {
  @OnInit()
  init({ url, query, remoteAddress, headers }: UpgradeRequest) {
    return push(text(JSON.stringify([url, query, remoteAddress, headers['x-many']])), undefined);
  }
}

@WebSockHandler('large', { maxMessageSize: 12_000_000 })
class LargeHandler {
  @OnIn()
  measure([, data]: DataMessage) {
    return push(text(String(data.length)), undefined);
  }
}

@WebSockHandler('slow')
@UseGuards(SlowGuard)
class SlowHandler {
  @OnInit()
  init() {
    events.add('init');
    return ok(undefined);
  }
}

type SessionRequest = UpgradableRequest & { session: { visits?: number } };

@Controller('app')
class AppController {
  @Get('visits')
  visits(@Req() request: SessionRequest) {
    request.session.visits = (request.session.visits ?? 0) + 1;
    return upgrade(request, RoomHandler, request.session.visits);
  }

  @Get('secure')
  secure(@Req() request: UpgradableRequest & { protocol: string }) {
    return upgrade(request, RoomHandler, request.protocol);
  }

  @Get('dressed')
  @Header('Cache-Control', 'no-store')
  dressed(@Req() request: UpgradableRequest, @Res({ passthrough: true }) response: ServerResponse) {
    setHeader(response, 'Set-Cookie', ['a=1; HttpOnly', 'b=2; Path=/']);
    setHeader(response, 'X-Name', 'Zoë');
    return upgrade(request, RoomHandler, 0);
  }

  @Get('refused')
  refused(@Res({ passthrough: true }) response: ServerResponse) {
    setHeader(response, 'Set-Cookie', ['a=1', 'b=2']);
    throw new ForbiddenException('Zoë not');
  }

  /** A body in pieces, without a Content-Length. */
  @Get('streamed')
  streamed(@Res() response: ServerResponse & { raw?: ServerResponse }) {
    const raw = response.raw ?? response;
    raw.writeHead(404, { 'Content-Type': 'text/plain' });
    raw.write('one ');
    setImmediate(() => raw.end('two'));
  }
}

/** On Express's response and on Fastify's reply. */
function setHeader(response: ServerResponse, name: string, value: string | string[]): void {
  const { header } = response as unknown as { header?: (name: string, value: unknown) => void };
  if (header === undefined) response.setHeader(name, value);
  else header.call(response, name, value);
}

async function useSessions(platform: Platform, app: INestApplication): Promise<void> {
  const secret = 'a secret that has thirty-two characters, and more';
  if (platform === 'express') {
    app.use(expressSession({ secret, resave: false, saveUninitialized: false }));
    return;
  }
  const fastify = app as NestFastifyApplication;
  await fastify.register(fastifyCookie);
  await fastify.register(fastifySession, { secret, cookie: { secure: false }, saveUninitialized: false });
}

const values = (client: RawClient, name: string) =>
  client.headers.filter(([key]) => key === name).map(([, value]) => value);

eachPlatform('uWebSockets.js beside %s', (platform) => {
  let port: UwsPort;
  let app: NestApp;

  async function start(
    uwsPort = new UwsPort(),
    options: WebSockModuleOptions = {},
    setUp?: (nest: INestApplication) => void,
  ) {
    port = uwsPort;
    app = await startApp(platform, {
      imports: [WebSockModule.forRoot({ ...options, servers: [port.server] })],
      controllers: [AppController],
      providers: [RoomHandler, GuardedHandler, LargeHandler, SlowHandler],
      setUp,
    });
  }

  beforeEach(() => {
    events = new Log();
    departures = new Log();
    gate = new Gate();
  });
  afterEach(async () => {
    gate.open();
    port?.leave();
    await closeApps();
  });

  it('refuses with what a guard throws, as an ordinary response, and closes', async () => {
    await start();
    const client = await port.open('/guarded?token=bad');
    expect(client.status).toBe(401);
    expect(await client.ended()).toBe('fin');
    expect(JSON.parse(client.body)).toMatchObject({ statusCode: 401, message: 'no good token' });
    expect(values(client, 'content-length')).toEqual([String(client.body.length)]);
    expect(values(client, 'date')).toHaveLength(1);
  });

  it('gives init the facts of the request, as Node would', async () => {
    await start();
    const headers = { 'X-Many': ['1', '2'] };
    const client = await port.open('/guarded?token=good&x=%20y', { headers });
    expect(JSON.parse(await client.nextText())).toEqual([
      '/guarded?token=good&x=%20y',
      { token: 'good', x: ' y' },
      '127.0.0.1',
      '1, 2',
    ]);
  });

  it('runs pipes on the parameters of the path, and answers their refusal', async () => {
    await start();
    expect(await (await port.open('/rooms/7')).nextText()).toBe('in 7');
    expect((await port.open('/rooms/seven')).status).toBe(400);
    expect((await port.open('/nowhere')).status).toBe(404);
  });

  it('chooses a subprotocol', async () => {
    await start();
    const client = await port.open('/rooms/7', { headers: { 'Sec-WebSocket-Protocol': 'game, chat' } });
    expect(values(client, 'sec-websocket-protocol')).toEqual(['chat']);
  });

  it('puts the headers that the app sets on the 101', async () => {
    await start();
    const client = await port.open('/app/dressed');
    expect(client.status).toBe(101);
    expect(values(client, 'set-cookie')).toEqual(['a=1; HttpOnly', 'b=2; Path=/']);
    expect(values(client, 'cache-control')).toEqual(['no-store']);
    expect(values(client, 'x-name')).toEqual(['Zoë']);
    expect(values(client, 'content-length')).toEqual([]);
    expect(await client.nextText()).toBe('in 0');
  });

  it('puts the headers that the app sets on a refusal, and its body', async () => {
    await start();
    const client = await port.open('/app/refused');
    await client.ended();
    expect(client.status).toBe(403);
    expect(values(client, 'set-cookie')).toEqual(['a=1', 'b=2']);
    const body = Buffer.from(client.body, 'latin1').toString();
    expect(JSON.parse(body)).toMatchObject({ message: 'Zoë not' });
  });

  it('sends a refusal whole that the app writes in pieces', async () => {
    await start();
    const client = await port.open('/app/streamed');
    await client.ended();
    expect([client.status, client.body]).toEqual([404, 'one two']);
  });

  it('has the sessions of the app', async () => {
    let ready: Promise<void>;
    await start(undefined, {}, (nest) => (ready = useSessions(platform, nest)));
    await ready!;
    const first = await port.open('/app/visits');
    expect(await first.nextText()).toBe('in 1');
    const Cookie = values(first, 'set-cookie')[0]!.split(';', 1)[0]!;
    const second = await port.open('/app/visits', { headers: { Cookie } });
    expect(await second.nextText()).toBe('in 2');
  });

  it('answers 426 to what asks for no WebSocket, and serves routes of the uWS app', async () => {
    const withRoute = (): UwsAppLike => uWS.App().get('/health', (response) => void response.end('fine'));
    await start(new UwsPort({ app: withRoute }));
    const response = await fetch(`http://127.0.0.1:${port.number}/rooms/7`);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await (await fetch(`http://127.0.0.1:${port.number}/health`)).text()).toBe('fine');
  });

  it('refuses a handshake without a key, of another version, and with a body', async () => {
    await start();
    expect((await port.open('/rooms/7', { headers: { 'Sec-WebSocket-Key': null } })).status).toBe(400);
    const version = await port.open('/rooms/7', { headers: { 'Sec-WebSocket-Version': '8' } });
    expect([version.status, values(version, 'sec-websocket-version')]).toEqual([426, ['13']]);
    const withBody = await port.open('/rooms/7', { headers: { 'Content-Length': '2' }, body: 'hi' });
    expect(withBody.status).toBe(400);
  });

  it('refuses pages of foreign origins and more than maxConnections', async () => {
    await start(undefined, { checkOrigin: 'same-host', maxConnections: 1 });
    const headers = { Origin: 'https://evil.example' };
    expect((await port.open('/rooms/7', { headers })).status).toBe(403);
    expect((await port.open('/rooms/7')).status).toBe(101);
    expect((await port.open('/rooms/7')).status).toBe(503);
    expect((await app.open('/rooms/7')).status).toBe(503);
  });

  it('refuses with 503 when guards take longer than upgradeTimeout', async () => {
    await start(undefined, { upgradeTimeout: 50 });
    const client = await port.open('/slow');
    expect(client.status).toBe(503);
    gate.open();
    expect(await client.ended()).toBe('fin');
    expect(events.all).toEqual(['guard']);
  });

  it('opens nothing for a client that goes away while a guard runs', async () => {
    await start();
    for (const leave of ['reset', 'end'] as const) {
      const client = await port.dial();
      client.write(requestBytes({ path: '/slow' }));
      expect(await events.next()).toBe('guard');
      client[leave]();
      expect(await departures.next()).toBe('gone');
    }
    gate.open();
    expect((await port.open('/rooms/7')).status).toBe(101);
    expect(app.app.get(Connections).list()).toHaveLength(1);
    expect(events.all).toEqual(['guard', 'guard']);
  });

  it('shares the connections with the HTTP server', async () => {
    await start();
    const clients = [await app.open('/rooms/1'), await port.open('/rooms/2')];
    expect([await clients[0]!.nextText(), await clients[1]!.nextText()]).toEqual(['in 1', 'in 2']);
    const connections = app.app.get(Connections);
    expect(connections.list()).toHaveLength(2);
    for (const ref of connections.list()) connections.sendInfo(ref, 'to all');
    for (const client of clients) expect(await client.nextText()).toBe('to all');
  });

  it('closes with 1012 at app.close(), refuses who comes meanwhile, and then listens no more', async () => {
    await start();
    const client = await port.open('/rooms/7');
    const waiting = await port.dial();
    waiting.write(requestBytes({ path: '/slow' }));
    expect(await events.next()).toBe('guard');
    const late = await port.dial();
    const closed = app.close();
    expect(await events.next()).toBe('left: shutdown');
    await late.request({ path: '/rooms/7' });
    expect(late.status).toBe(503);
    expect(await waiting.ended()).toBe('fin');
    expect(waiting.status).toBe(503);
    expect(await client.nextText()).toBe('in 7');
    gate.open();
    expect(await client.nextClose()).toEqual({ code: 1012, reason: '' });
    await closed;
    await expect(RawClient.dial(port.number)).rejects.toThrow('ECONNREFUSED');
  });

  it('is secure on an SSLApp', async () => {
    const file = (name: string) => path.join(import.meta.dirname, '../support', name);
    const secure = (): UwsAppLike =>
      uWS.SSLApp({
        key_file_name: file('localhost.key.pem'),
        cert_file_name: file('localhost.cert.pem'),
      });
    await start(new UwsPort({ app: secure }));
    const socket = connectTls({ port: port.number, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const client = RawClient.on(socket);
    await client.request({ path: '/app/secure' });
    expect(await client.nextText()).toBe('in https');
    client.text('hello');
    expect(await client.nextText()).toBe('hello');
    client.destroy();
  });

  it('takes messages as large as the handler that takes the largest', async () => {
    await start();
    const client = await port.open('/large');
    client.binary(Buffer.alloc(11_000_000));
    expect(await client.nextText()).toBe('11000000');
  });

  const boot = (...servers: WebSockModuleOptions['servers'] & object) =>
    bootError(platform, { imports: [WebSockModule.forRoot({ servers })], providers: [RoomHandler] });

  it('fails the boot where the port is taken, and leaves no other server listening', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const other = new UwsPort();
    const error = await boot(
      other.server,
      new UwsPort({ port: (taken.address() as AddressInfo).port }).server,
    );
    taken.close();
    expect(error).toBeInstanceOf(WebSockError);
    expect(error).toMatchObject({ code: 'WEBSOCK_LISTEN' });
    await expect(RawClient.dial(other.number)).rejects.toThrow('ECONNREFUSED');
  });

  it('fails the boot where uWebSockets.js does not load, and says what to install', async () => {
    const missing = Object.assign(new Error("Cannot find module 'uWebSockets.js'\nRequire stack:"), {
      code: 'MODULE_NOT_FOUND',
    });
    const broken = new Error(
      'This version of uWS is not compatible with your Node.js build:\n\nError: x.node',
    );
    for (const cause of [missing, broken]) {
      const app = () => {
        throw cause;
      };
      const error = await boot(uws({ app, port: 0 }));
      expect(error).toBeInstanceOf(MissingPackageError);
      expect(error).toMatchObject({ code: 'WEBSOCK_PACKAGE_MISSING', packageName: 'uWebSockets.js', cause });
      expect((error as Error).message).toMatch(/npm install uNetworking\/uWebSockets\.js#v20/);
      expect((error as Error).message).not.toMatch(/\n/);
    }
    const none = await boot(uws({ app: {} as UwsAppLike, port: 0 }));
    expect(none).toBeInstanceOf(MissingPackageError);
    // Any other error is the app's own.
    const certificate = () => uWS.SSLApp({ key_file_name: '/none', cert_file_name: '/none' }) as UwsAppLike;
    expect(await boot(uws({ app: certificate, port: 0 }))).toMatchObject({
      message: 'App construction failed',
    });
  });

  it('fails the boot for options that are no good', async () => {
    const app = () => uWS.App() as UwsAppLike;
    expect(() => uws({ app, port: 65_536 })).toThrow(ConfigError);
    expect(() => uws({ app, port: 0, host: '' })).toThrow('uws(): host must be');
    expect(() => uws({ app, port: 0, maxMessageSize: 0 })).toThrow('uws(): maxMessageSize must be');
    expect(() => uws({ app, port: 0, path: '/x' } as never)).toThrow('unknown option path');
    const error = await bootError(platform, {
      imports: [WebSockModule.forRoot({ servers: [uWS.App()] as never })],
    });
    expect(error).toMatchObject({ code: 'WEBSOCK_OPTION_INVALID' });
  });
});
