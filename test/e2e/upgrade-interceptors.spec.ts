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
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { map, of, timeout } from 'rxjs';
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
      imports: [WebSockModule, CacheModule.register({ ttl: 60_000 })],
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
    ['that replays cached GETs', [CacheInterceptor]],
    ['that serializes classes', [ClassSerializerInterceptor]],
    ['that wraps every value', [Wrap]],
    ['that limits the time', [Timeout]],
    ['of every kind, the cache inside', [Timeout, ClassSerializerInterceptor, Wrap, CacheInterceptor]],
  ])('%s lets every upgrade through, with its own decision', async (_what, interceptors) => {
    const app = await start(...interceptors);
    for (const [i, path] of ['/declared', '/declared', '/called', '/called'].entries()) {
      const client = await app.open(path);
      expect([path, client.status, await client.nextText()]).toEqual([path, 101, `{"number":${i + 1}}`]);
    }
  });

  it('that caches does so for ordinary routes', async () => {
    const app = await start(CacheInterceptor);
    for (let i = 0; i < 2; i++) expect(await (await app.fetch('/page')).json()).toEqual({ page: 1 });
  });

  it('that answers in place of the handler has the last word', async () => {
    const app = await start(Replace);
    const client = await app.open('/declared');
    expect([client.status, client.body, await client.ended()]).toEqual([200, 'replaced', 'fin']);
    expect(admitted).toBe(0);
  });
});
