import {
  Inject,
  Injectable,
  Scope,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, REQUEST } from '@nestjs/core';
import { tap, type Observable } from 'rxjs';
import {
  OnIn,
  OnTerminate,
  push,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
  type DataMessage,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

const imports = [WebSockModule];

/** What enhancers did, in order. */
let steps: string[];
/** How connections ended. */
let ends: Log<unknown>;

beforeEach(() => {
  steps = [];
  ends = new Log();
});

class Leaves {
  @OnTerminate()
  left(reason: unknown) {
    ends.add(reason);
  }
}

const step = (name: string) => ({
  guard: { canActivate: () => steps.push(`${name} guard`) > 0 } as CanActivate,
  interceptor: {
    intercept: (_context: ExecutionContext, next: CallHandler) => {
      steps.push(`${name} interceptor`);
      return next.handle().pipe(tap(() => steps.push(`behind the ${name} interceptor`)));
    },
  } as NestInterceptor,
});

const ofMethod = step('method');

interface HttpRequest {
  headers: Record<string, string | undefined>;
}

/** Reads a header of the request, as most guards of an app do. */
@Injectable()
class JwtGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    steps.push(`JwtGuard ${context.getType()}`);
    const { authorization } = context.switchToHttp().getRequest<HttpRequest>().headers;
    if (authorization === undefined) throw new UnauthorizedException();
    return true;
  }
}

/** Sets headers of the response, as the ThrottlerGuard of @nestjs/throttler does. */
@Injectable()
class ThrottlerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    steps.push(`ThrottlerGuard ${context.getType()}`);
    const response = context.switchToHttp().getResponse<{ header(name: string, value: string): void }>();
    response.header('X-RateLimit-Limit', '1');
    return true;
  }
}

@Injectable()
class LoggingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    steps.push(`LoggingInterceptor ${context.getType()}`);
    return next.handle();
  }
}

@Injectable({ scope: Scope.REQUEST })
class GuardOfRequest implements CanActivate {
  constructor(@Inject(REQUEST) private readonly request: { url: string }) {}

  canActivate(context: ExecutionContext): boolean {
    steps.push(`${context.getType()} of ${this.request.url}`);
    return true;
  }
}

const ofClass = step('class');

@WebSockHandler('echo')
@UseGuards(ofClass.guard)
@UseInterceptors(ofClass.interceptor)
class EchoHandler extends Leaves {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('opted', { messageEnhancers: ['guards', 'interceptors'] })
@UseGuards(ofClass.guard)
@UseInterceptors(ofClass.interceptor)
class OptedHandler extends Leaves {
  @OnIn()
  @UseGuards(ofMethod.guard)
  @UseInterceptors(ofMethod.interceptor)
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('out', { messageEnhancers: [] })
class OutHandler extends EchoHandler {}

const authorized = { headers: { Authorization: 'Bearer x' } };
const globals = [
  { provide: APP_GUARD, useClass: JwtGuard },
  { provide: APP_INTERCEPTOR, useClass: LoggingInterceptor },
];

eachPlatform('enhancers of the class and of the app on %s', (platform) => {
  afterEach(closeApps);

  it('run on the upgrade, and not for a stream of messages', async () => {
    const throttler = { provide: APP_GUARD, useClass: ThrottlerGuard };
    const app = await startApp(platform, { imports, providers: [EchoHandler, ...globals, throttler] });
    expect((await app.open('/echo')).status).toBe(401);
    steps = [];
    const client = await app.open('/echo', authorized);
    expect(client.header('X-RateLimit-Limit')).toBe('1');
    for (let n = 0; n < 20; n++) client.text(`${n}`);
    for (let n = 0; n < 20; n++) expect(await client.nextText()).toBe(`${n}`);
    expect(steps).toEqual([
      'JwtGuard http',
      'ThrottlerGuard http',
      'class guard',
      'LoggingInterceptor http',
      'class interceptor',
      'behind the class interceptor',
    ]);
  });

  it('run for each message where messageEnhancers says so: of the app, the class, the method', async () => {
    const app = await startApp(platform, { imports, providers: [OptedHandler, ...globals] });
    const client = await app.open('/opted', authorized);
    steps = [];
    client.text('x');
    expect(await client.nextText()).toBe('x');
    expect(steps).toEqual([
      'JwtGuard ws',
      'class guard',
      'method guard',
      'LoggingInterceptor ws',
      'class interceptor',
      'method interceptor',
      'behind the method interceptor',
      'behind the class interceptor',
    ]);
  });

  it('may be request-scoped then: each connection has its own', async () => {
    const guard = { provide: APP_GUARD, useClass: GuardOfRequest };
    const app = await startApp(platform, { imports, providers: [OptedHandler, guard] });
    const [first, second] = [await app.open('/opted?n=1'), await app.open('/opted?n=2')];
    steps = [];
    for (const client of [first, second, first]) {
      client.text('x');
      await client.nextText();
    }
    expect(steps.filter((what) => what.startsWith('ws of'))).toEqual([
      'ws of /opted?n=1',
      'ws of /opted?n=2',
      'ws of /opted?n=1',
    ]);
  });

  it('of HTTP alone fail then: there is no response', async () => {
    const throttler = { provide: APP_GUARD, useClass: ThrottlerGuard };
    const app = await startApp(platform, { imports, providers: [OptedHandler, throttler] });
    const client = await app.open('/opted');
    client.text('x');
    expect((await client.nextClose()).code).toBe(1011);
    const [, error] = (await ends.next()) as [string, unknown];
    expect(error).toBeInstanceOf(TypeError);
  });

  it('run where the module says so, unless the handler says otherwise', async () => {
    const module = WebSockModule.forRoot({ messageEnhancers: ['guards'] });
    const app = await startApp(platform, { imports: [module], providers: [EchoHandler, OutHandler] });
    for (const [path, expected] of [
      ['/echo', ['class guard']],
      ['/out', []],
    ] as const) {
      const client = await app.open(path);
      steps = [];
      client.text('x');
      await client.nextText();
      expect(steps).toEqual(expected);
    }
  });

  it('come with an option that is checked at boot', async () => {
    @WebSockHandler('wrong', { messageEnhancers: ['pipes'] as never })
    class WrongHandler extends EchoHandler {}
    const ofHandler = await bootError(platform, { imports, providers: [WrongHandler] });
    expect(ofHandler).toMatchObject({ code: 'WEBSOCK_OPTION_INVALID' });
    expect(String(ofHandler)).toContain('@WebSockHandler WrongHandler: messageEnhancers');
    const module = WebSockModule.forRoot({ messageEnhancers: 'guards' as never });
    const ofModule = await bootError(platform, { imports: [module] });
    expect(ofModule).toMatchObject({ code: 'WEBSOCK_OPTION_INVALID' });
    expect(String(ofModule)).toContain('WebSockModule.forRoot(): messageEnhancers');
    const ofServer = () => new WebSockServer({ messageEnhancers: ['guards'] } as object);
    expect(ofServer).toThrow(expect.objectContaining({ code: 'WEBSOCK_OPTION_UNKNOWN' }));
  });
});

@WebSockHandler('leaving')
class LeavingHandler extends EchoHandler {
  @OnTerminate()
  @UseGuards({ canActivate: () => true })
  override left() {}
}

eachPlatform('@OnTerminate on %s', (platform) => {
  afterEach(closeApps);

  it('with enhancers is a boot error', async () => {
    const error = await bootError(platform, { imports, providers: [LeavingHandler] });
    expect(error).toMatchObject({ code: 'WEBSOCK_ENHANCER_ON_TERMINATE' });
    expect(String(error)).toContain('LeavingHandler.left()');
  });

  it('runs bare where messageEnhancers has guards for the others', async () => {
    const app = await startApp(platform, { imports, providers: [OptedHandler] });
    const client = await app.open('/opted');
    steps = [];
    client.close(1000);
    expect(await ends.next()).toBe('remote');
    expect(steps).toEqual([]);
  });
});
