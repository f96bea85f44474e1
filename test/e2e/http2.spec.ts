import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import {
  Controller,
  ForbiddenException,
  Get,
  Module,
  Param,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnIn,
  OnInit,
  OnTerminate,
  push,
  text,
  type DataMessage,
  type UpgradableRequest,
  upgrade,
  type UpgradeRequest,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { requestBytes } from '../support/raw-client.js';
import { openSession, StreamClient, type ClientHttp2Session } from '../support/stream-client.js';

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../support', name));
const https = { key: file('localhost.key.pem'), cert: file('localhost.cert.pem'), allowHTTP1: true };

let ended: Log<unknown>;

class Echo {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }

  @OnTerminate()
  left(reason: unknown) {
    ended.add(reason);
  }
}

@WebSockHandler('rooms/:room')
class RoomHandler extends Echo {
  @OnInit()
  init({ params, query, path: requested }: UpgradeRequest) {
    return push(text(`${params.room} ${String(query.name)} ${requested}`), undefined);
  }
}

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers.authorization === undefined) throw new UnauthorizedException();
    if (headers.authorization !== 'admin') throw new ForbiddenException();
    return true;
  }
}

@WebSockHandler('guarded')
@UseGuards(TokenGuard)
class GuardedHandler extends Echo {}

@WebSockHandler()
class PathlessHandler extends Echo {
  @OnInit()
  init(argument: unknown) {
    return push(text(JSON.stringify(argument)), undefined);
  }
}

@Controller()
class AppController {
  @Get('plain')
  plain() {
    return 'plain';
  }

  @Get('from/:here')
  from(@Req() request: UpgradableRequest, @Param('here') here: string) {
    return upgrade(request, PathlessHandler, { here });
  }

  @Get('protocol')
  protocol(@Req() request: UpgradableRequest) {
    return upgrade(request, PathlessHandler, 0, { protocols: ['b'], requireProtocol: true });
  }
}

@Module({
  imports: [WebSockModule],
  controllers: [AppController],
  providers: [RoomHandler, GuardedHandler, PathlessHandler],
})
class AppModule {}

describe('HTTP/2 on fastify (RFC 8441)', () => {
  let app: INestApplication;
  let port: number;
  let session: ClientHttp2Session;
  let isClosed: boolean;

  beforeEach(async () => {
    ended = new Log();
    isClosed = false;
    app = await NestFactory.create(AppModule, new FastifyAdapter({ http2: true, https } as object), {
      logger: false,
    });
    await app.listen(0, '127.0.0.1');
    ({ port } = app.getHttpServer().address() as AddressInfo);
    session = await openSession(`https://127.0.0.1:${port}`);
  });

  afterEach(async () => {
    session.destroy();
    if (!isClosed) await app.close();
  });

  /** An ordinary request. */
  async function get(requested: string) {
    const stream = session.request({ ':path': requested });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    return { status: headers[':status'], headers, body };
  }

  it('serves a declared handler, with path parameters and query', async () => {
    const client = await StreamClient.open(session, { path: '/rooms/a%20b?name=me' });
    expect(client.status).toBe(200);
    expect(await client.nextText()).toBe('a b me /rooms/a%20b');
    client.text('hi');
    expect(await client.nextText()).toBe('hi');
    client.close(1000);
    expect(await client.nextClose()).toMatchObject({ code: 1000 });
    expect(await ended.next()).toBe('remote');
  });

  it.each([
    [401, {}],
    [403, { authorization: 'guest' }],
  ])('refuses with %i what a guard refuses', async (status, headers) => {
    const client = await StreamClient.open(session, { path: '/guarded', headers });
    expect(client.status).toBe(status);
    expect(await client.ended()).toBe('fin');
    expect(JSON.parse(client.body)).toMatchObject({ statusCode: status });
    const admitted = await StreamClient.open(session, {
      path: '/guarded',
      headers: { authorization: 'admin' },
    });
    expect(admitted.status).toBe(200);
  });

  it('upgrades from a controller', async () => {
    const client = await StreamClient.open(session, { path: '/from/there' });
    expect(await client.nextText()).toBe('{"here":"there"}');
  });

  it.each([
    ['/rooms/a', 426, '13', { 'sec-websocket-version': '8' }],
    ['/from/there', 426, '13', { 'sec-websocket-version': '8' }],
    ['/protocol', 400, undefined, { 'sec-websocket-protocol': 'a' }],
    ['/plain', 501, undefined, {}],
    ['/nowhere', 404, undefined, {}],
  ])('refuses %s with %i', async (requested, status, version, headers) => {
    const client = await StreamClient.open(session, { path: requested, headers });
    expect(await client.ended()).toBe('fin');
    expect([client.status, client.header('sec-websocket-version')]).toEqual([status, version]);
    expect((await get('/plain')).body).toBe('plain');
  });

  it.each(['/rooms/a', '/from/there'])('answers an ordinary GET of %s with 426', async (requested) => {
    const { status, headers } = await get(requested);
    expect(status).toBe(426);
    expect(headers).not.toHaveProperty('upgrade');
    expect(headers).not.toHaveProperty('connection');
    expect((await get('/plain')).body).toBe('plain');
  });

  it('serves the upgrade of HTTP/1.1 on the same port', async () => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.write(requestBytes({ path: '/from/there' }));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    while (!answer.endsWith('{"here":"there"}')) await once(socket, 'data');
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it('app.close() ends the streams with 1012, then the sessions', async () => {
    const clients = await Promise.all([
      StreamClient.open(session, { path: '/from/a' }),
      StreamClient.open(session, { path: '/from/b' }),
    ]);
    for (const client of clients) await client.nextText();
    const closed = app.close();
    isClosed = true;
    for (const client of clients) {
      expect(await client.nextClose()).toMatchObject({ code: 1012 });
      client.close(1012);
      client.end();
      expect(await client.ended()).toBe('fin');
    }
    await closed;
    expect(session.closed || session.destroyed).toBe(true);
    expect(ended.all).toEqual(['shutdown', 'shutdown']);
  });
});

describe('HTTP/2 on express', () => {
  class Http2ExpressAdapter extends ExpressAdapter {
    override initHttpServer(): void {
      this.httpServer = http2.createServer(this.getInstance()) as any;
    }
  }

  it('does not boot: Express cannot serve it', async () => {
    const app = await NestFactory.create(AppModule, new Http2ExpressAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await expect(app.init()).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'WEBSOCK_HTTP2_ON_EXPRESS',
      message: expect.stringContaining('FastifyAdapter({ http2: true })'),
    });
  });
});
