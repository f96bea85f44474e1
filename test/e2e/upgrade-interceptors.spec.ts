import {
  type CallHandler,
  ClassSerializerInterceptor,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  Req,
  type Type,
} from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost, Reflector } from '@nestjs/core';
import { map, of, tap, timeout } from 'rxjs';
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
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

/** \@nestjs/cache-manager's CacheInterceptor, as far as it matters: GETs by their URL, and what is nil counts as not cached. */
@Injectable()
class Cache implements NestInterceptor {
  private readonly cached = new Map<string, unknown>();

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  intercept(context: ExecutionContext, next: CallHandler) {
    const request: unknown = context.switchToHttp().getRequest();
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getRequestMethod(request) !== 'GET') return next.handle();
    const key = httpAdapter.getRequestUrl(request) as string;
    const value = this.cached.get(key) ?? null;
    if (value !== null) return of(value);
    return next.handle().pipe(tap((response) => this.cached.set(key, response)));
  }
}

/** Nest's own, with JSON in place of class-transformer. */
@Injectable()
class Serialize extends ClassSerializerInterceptor {
  constructor(reflector: Reflector) {
    const plain = (value: unknown): any => JSON.parse(JSON.stringify(value));
    super(reflector, { transformerPackage: { classToPlain: plain, plainToInstance: plain } });
  }
}

@Injectable()
class Wrap implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ data, at: 1 })));
  }
}

@Injectable()
class Timeout implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(timeout(5_000));
  }
}

/** Answers in place of the handler. */
@Injectable()
class Replace implements NestInterceptor {
  intercept() {
    return of('replaced');
  }
}

let admitted = 0;

@WebSockHandler('declared')
class CountingHandler {
  @OnUpgrade()
  admit() {
    return { number: ++admitted };
  }

  @OnInit()
  init(argument: unknown) {
    return push(text(JSON.stringify(argument)), argument);
  }
}

let pages = 0;

@Controller()
class CountingController {
  @Get('called')
  called(@Req() request: UpgradableRequest) {
    return upgrade(request, CountingHandler, { number: ++admitted });
  }

  @Get('page')
  page() {
    return { page: ++pages };
  }
}

eachPlatform('a global interceptor on %s', (platform) => {
  const start = (...interceptors: Type<NestInterceptor>[]) =>
    startApp(platform, {
      imports: [WebSockModule],
      controllers: [CountingController],
      providers: [
        CountingHandler,
        ...interceptors.map((useClass) => ({ provide: APP_INTERCEPTOR, useClass })),
      ],
    });

  beforeEach(() => {
    admitted = pages = 0;
  });
  afterEach(closeApps);

  it.each<[string, Type<NestInterceptor>[]]>([
    ['that replays cached GETs', [Cache]],
    ['that serializes classes', [Serialize]],
    ['that wraps every value', [Wrap]],
    ['that limits the time', [Timeout]],
    ['of every kind, the cache inside', [Timeout, Serialize, Wrap, Cache]],
  ])('%s lets every upgrade through, with its own decision', async (_what, interceptors) => {
    const app = await start(...interceptors);
    for (const [i, path] of ['/declared', '/declared', '/called', '/called'].entries()) {
      const client = await app.open(path);
      expect([path, client.status, await client.nextText()]).toEqual([path, 101, `{"number":${i + 1}}`]);
    }
  });

  it('that caches does so for ordinary routes', async () => {
    const app = await start(Cache);
    for (let i = 0; i < 2; i++) expect(await (await app.fetch('/page')).json()).toEqual({ page: 1 });
  });

  it('that answers in place of the handler has the last word', async () => {
    const app = await start(Replace);
    const client = await app.open('/declared');
    expect([client.status, client.body, await client.ended()]).toEqual([200, 'replaced', 'fin']);
    expect(admitted).toBe(0);
  });
});
