import type { IncomingMessage, ServerResponse } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Controller, ForbiddenException, Get, Header, type INestApplication, Req, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import expressSession from 'express-session';
import {
  OnInit,
  OnUpgrade,
  push,
  text,
  type UpgradableRequest,
  upgrade,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, type NestApp, type Platform, startApp } from '../support/nest.js';
import type { RawClient } from '../support/raw-client.js';

type SessionRequest = UpgradableRequest & { session: { visits?: number } };

/** What express-session and \@fastify/session have in common. */
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

@WebSockHandler('visits')
class VisitHandler {
  @OnUpgrade()
  admit(@Req() { session }: SessionRequest) {
    return (session.visits = (session.visits ?? 0) + 1);
  }

  @OnInit()
  init(visits: number) {
    return push(text(String(visits)), visits);
  }
}

@Controller('app')
class AppController {
  @Get('visits')
  visits(@Req() request: SessionRequest) {
    request.session.visits = (request.session.visits ?? 0) + 10;
    return upgrade(request, VisitHandler, request.session.visits);
  }

  @Get('seen')
  seen(@Req() { session }: SessionRequest) {
    return { visits: session.visits };
  }

  @Get('refused')
  refused(@Req() request: SessionRequest) {
    request.session.visits = 99;
    upgrade(request, VisitHandler);
    throw new ForbiddenException();
  }

  @Get('dressed')
  @Header('Cache-Control', 'no-store')
  dressed(@Req() request: UpgradableRequest, @Res({ passthrough: true }) response: ServerResponse) {
    const set = (name: string, value: string | string[]) => {
      const { header } = response as unknown as { header?: (name: string, value: unknown) => void };
      if (header === undefined) response.setHeader(name, value);
      else header.call(response, name, value);
    };
    set('Set-Cookie', ['a=1; HttpOnly', 'b=2; Path=/']);
    set('Content-Type', 'text/plain');
    set('Content-Length', '5');
    set('Content-Encoding', 'gzip');
    set('Connection', 'keep-alive');
    set('Sec-WebSocket-Extensions', 'nonsense');
    return upgrade(request, VisitHandler, 0);
  }
}

function all(client: RawClient, name: string): string[] {
  return client.headers.filter(([key]) => key === name).map(([, value]) => value);
}

eachPlatform('the headers of an upgrade on %s', (platform) => {
  const start = async (setUp: (app: INestApplication) => void | Promise<void>): Promise<NestApp> => {
    let ready: void | Promise<void>;
    const app = await startApp(platform, {
      imports: [WebSockModule],
      controllers: [AppController],
      providers: [VisitHandler],
      setUp: (nest) => (ready = setUp(nest)),
    });
    await ready!;
    return app;
  };
  const startWithSessions = () => start((nest) => useSessions(platform, nest));
  /** The session cookie, as a client sends it back. */
  const cookieOf = (client: RawClient) => all(client, 'set-cookie')[0]!.split(';', 1)[0]!;

  afterEach(closeApps);

  it('have the cookie of a new session, and the session is saved', async () => {
    const app = await startWithSessions();
    for (const [path, visits] of [
      ['/visits', 1],
      ['/app/visits', 10],
    ] as const) {
      const client = await app.open(path);
      expect([client.status, await client.nextText()]).toEqual([101, String(visits)]);
      const Cookie = cookieOf(client);
      const again = await app.open(path, { headers: { Cookie } });
      expect(await again.nextText()).toBe(String(2 * visits));
      const seen = await app.fetch('/app/seen', { headers: { Cookie } });
      expect(await seen.json()).toEqual({ visits: 2 * visits });
    }
  });

  it('have the session of a refusal too', async () => {
    const app = await startWithSessions();
    const client = await app.open('/app/refused');
    expect(client.status).toBe(403);
    const seen = await app.fetch('/app/seen', { headers: { Cookie: cookieOf(client) } });
    expect(await seen.json()).toEqual({ visits: 99 });
  });

  it('have all that the app sets, and nothing that a 101 has not', async () => {
    const app = await start(() => {});
    const client = await app.open('/app/dressed');
    expect(client.status).toBe(101);
    expect(all(client, 'set-cookie')).toEqual(['a=1; HttpOnly', 'b=2; Path=/']);
    expect(client.header('cache-control')).toBe('no-store');
    expect(all(client, 'connection').map((value) => value.toLowerCase())).toEqual(['upgrade']);
    for (const name of [
      'content-type',
      'content-length',
      'content-encoding',
      'transfer-encoding',
      'etag',
      'keep-alive',
      'sec-websocket-extensions',
    ])
      expect([name, all(client, name)]).toEqual([name, []]);
    expect(await client.nextText()).toBe('0');
  });

  it('have those of CORS, and of a middleware such as helmet', async () => {
    const app = await start((nest) => {
      nest.enableCors({ origin: 'https://app.example', credentials: true });
      // helmet sets its headers in this way.
      nest.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
        response.setHeader('Content-Security-Policy', "default-src 'self'");
        response.setHeader('Strict-Transport-Security', 'max-age=31536000');
        next();
      });
    });
    const client = await app.open('/app/dressed', { headers: { Origin: 'https://app.example' } });
    expect(client.status).toBe(101);
    expect(client.header('access-control-allow-origin')).toBe('https://app.example');
    expect(client.header('access-control-allow-credentials')).toBe('true');
    expect(client.header('content-security-policy')).toBe("default-src 'self'");
    expect(client.header('strict-transport-security')).toBe('max-age=31536000');
  });

  it('are in an access log with the status that the client gets', async () => {
    const lines: string[] = [];
    const app = await start((nest) => {
      // As morgan does it.
      nest.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        const { url } = request;
        response.on('finish', () => lines.push(`${url} ${response.statusCode}`));
        next();
      });
    });
    await app.open('/app/dressed');
    await app.open('/nowhere');
    expect(lines).toEqual(['/app/dressed 101', '/nowhere 404']);
  });
});
