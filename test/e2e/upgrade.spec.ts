import {
  Controller,
  Get,
  Injectable,
  Module,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { WebSocket } from 'ws';
import {
  type DataMessage,
  OnIn,
  OnInit,
  push,
  text,
  type UpgradeRequest,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@WebSockHandler(['echo', 'parrot'], { protocols: ['echo.v2', 'echo.v1'] })
class EchoHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

eachPlatform('an upgrade on %s', (platform) => {
  const startEcho = () => startApp(platform, { imports: [WebSockModule], providers: [EchoHandler] });

  afterEach(closeApps);

  it('is accepted for a WebSocket client', async () => {
    const app = await startEcho();
    const client = new WebSocket(`ws://127.0.0.1:${app.port}/echo`);
    const reply = new Promise((resolve) => client.once('message', (data) => resolve(String(data))));
    client.once('open', () => client.send('hello'));
    expect(await reply).toBe('hello');
    const closed = new Promise((resolve) => client.once('close', resolve));
    client.close(1000);
    expect(await closed).toBe(1000);
  });

  it('is accepted on each of several paths', async () => {
    const app = await startEcho();
    const client = await app.open('/parrot');
    client.text('x');
    expect(await client.nextText()).toBe('x');
  });

  it('is answered 404 on an unknown path, and the connection closes', async () => {
    const app = await startEcho();
    const client = await app.open('/nowhere');
    expect(client.status).toBe(404);
    expect(await client.ended()).toBe('fin');
  });

  it('is answered 426 when it is a plain GET, and the client may go on', async () => {
    const app = await startEcho();
    const response = await app.fetch('/echo');
    expect(response.status).toBe(426);
    expect(response.headers.get('upgrade')).toBe('websocket');
    expect(await response.json()).toEqual({ statusCode: 426, message: 'This path serves WebSocket only' });
  });

  it('is answered 404 with another method', async () => {
    const app = await startEcho();
    expect((await app.open('/echo', { method: 'POST' })).status).toBe(404);
  });

  it('is answered 426 for another version, with ours', async () => {
    const app = await startEcho();
    const client = await app.open('/echo', { headers: { 'Sec-WebSocket-Version': '8' } });
    expect(client.status).toBe(426);
    expect(client.header('sec-websocket-version')).toBe('13');
    expect(await client.ended()).toBe('fin');
  });

  it.each<[string, Record<string, string | string[] | null>]>([
    ['no key', { 'Sec-WebSocket-Key': null }],
    ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
    ['two keys', { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }],
    ['no Host', { Host: null }],
    ['a body', { 'Content-Length': '5' }],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }],
    ['a malformed list of subprotocols', { 'Sec-WebSocket-Protocol': 'a,,b' }],
  ])('is answered 400 for %s, and the connection closes', async (_what, headers) => {
    const app = await startEcho();
    const client = await app.open('/echo', { headers });
    expect(client.status).toBe(400);
    expect(await client.ended()).toBe('fin');
  });

  it("chooses the client's first subprotocol that is served", async () => {
    const app = await startEcho();
    const client = await app.open('/echo', {
      headers: { 'Sec-WebSocket-Protocol': 'other, echo.v1, echo.v2' },
    });
    expect(client.header('sec-websocket-protocol')).toBe('echo.v1');
  });

  it('keeps frames that came with the handshake', async () => {
    const app = await startEcho();
    const client = await app.open('/echo', {}, encodeFrame({ opcode: OPCODE.text, payload: 'early' }));
    expect(await client.nextText()).toBe('early');
  });

  @WebSockHandler('rooms/:room')
  class FactsHandler {
    @OnInit()
    init({ params, query, path, headers }: UpgradeRequest) {
      return push(text(JSON.stringify({ params, query, path, agent: headers['user-agent'] })), undefined);
    }
  }

  it('gives init the facts of the request where there is no @OnUpgrade', async () => {
    const app = await startApp(platform, { imports: [WebSockModule], providers: [FactsHandler] });
    const client = await app.open('/rooms/a%20b?x=1', { headers: { 'User-Agent': 'raw' } });
    expect(JSON.parse(await client.nextText())).toEqual({
      params: { room: 'a b' },
      query: { x: '1' },
      path: '/rooms/a%20b',
      agent: 'raw',
    });
  });

  @Module({ imports: [WebSockModule], providers: [EchoHandler] })
  class HeaderModule implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      consumer
        .apply(
          (
            _request: unknown,
            response: { setHeader(name: string, value: unknown): void },
            next: () => void,
          ) => {
            response.setHeader('X-Powered-By', 'middleware');
            response.setHeader('Set-Cookie', ['a=1', 'b=2']);
            next();
          },
        )
        .forRoutes('*path');
    }
  }

  it('carries the headers that middleware sets on the 101', async () => {
    const app = await startApp(platform, { imports: [HeaderModule] });
    const client = await app.open('/echo');
    expect(client.status).toBe(101);
    expect(client.header('x-powered-by')).toBe('middleware');
    expect(client.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)).toEqual([
      'a=1',
      'b=2',
    ]);
    expect(client.header('content-type')).toBeUndefined();
  });

  @Injectable()
  @Controller()
  class PageController {
    @Get('page')
    page() {
      return { page: true };
    }
  }

  it('leaves the ordinary routes of the app alone', async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule],
      controllers: [PageController],
      providers: [EchoHandler],
    });
    expect(await (await app.fetch('/page')).json()).toEqual({ page: true });
    // An upgrade request to it is answered as any other; nobody upgrades it.
    expect((await app.open('/page')).status).toBe(200);
  });

  it('is refused with 403 for a foreign origin that comes with cookies', async () => {
    const app = await startEcho();
    const cookies = { Cookie: 'session=1', Host: 'app.example:3000' };
    const foreign = await app.open('/echo', { headers: { ...cookies, Origin: 'https://evil.example' } });
    expect(foreign.status).toBe(403);
    const own = await app.open('/echo', { headers: { ...cookies, Origin: 'https://app.example' } });
    expect(own.status).toBe(101);
  });
});
