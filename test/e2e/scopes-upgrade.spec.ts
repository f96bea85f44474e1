import {
  Controller,
  Get,
  Inject,
  Optional,
  Req,
  Scope,
  type ExecutionContext,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, ModuleRef, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  ok,
  OnInfo,
  OnInit,
  push,
  text,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type DataMessage,
  type UpgradableRequest,
} from '../../src/index.js';
import { handlerOf } from '../../src/connection/handler.js';
import { arrivingHandler } from '../../src/nest/arriving-handler.js';
import { openHandler } from '../../src/testing/index.js';
import { Gate, Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';
import { Numbered, Visit } from '../support/scoped.js';

@WebSockHandler({ scope: Scope.REQUEST })
class CalledHandler extends Numbered {
  constructor(
    readonly visit: Visit,
    @Inject(REQUEST) private readonly request: { url: string },
    @Optional() @Inject('gate') private readonly gate: Gate | undefined,
  ) {
    super();
  }

  @OnInit()
  start(argument: string) {
    return push(
      text(`${this.request.url} ${argument} ${this.visit.number} ${this.gate === undefined}`),
      undefined,
    );
  }

  @OnInfo()
  told(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@Controller('static')
class StaticController {
  constructor(private readonly moduleRef: ModuleRef) {}

  @Get()
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, CalledHandler, 'static');
  }

  @Get('later')
  async later(@Req() request: UpgradableRequest) {
    upgrade(request, CalledHandler, 'later');
    const contextId = ContextIdFactory.getByRequest(request);
    const visit = await this.moduleRef.resolve(Visit, contextId);
    Object.assign(request, { visit });
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  constructor(
    private readonly visit: Visit,
    private readonly handler: CalledHandler,
  ) {}

  @Get()
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, CalledHandler, String(this.visit.number));
  }

  @Get('instance')
  instance(@Req() request: UpgradableRequest) {
    return upgrade(request, this.handler as never, String(this.handler.visit.number));
  }
}

eachPlatform('upgrade() to a handler with a scope on %s', (platform) => {
  const start = (spec: ModuleMetadata = {}, logger?: LogLines) =>
    startApp(platform, {
      imports: [WebSockModule],
      ...spec,
      providers: [CalledHandler, Visit, ...(spec.providers ?? [])],
      ...(logger && { logger }),
    });

  afterEach(closeApps);

  it('from a singleton gives the request a sub-tree of providers', async () => {
    const app = await start({ controllers: [StaticController] });
    const tell = async () => (await (await app.open('/static')).nextText()).split(' ');
    const [first, second] = [await tell(), await tell()];
    expect(first).toEqual(['/static', 'static', expect.any(String), 'true']);
    expect(second[2]).not.toBe(first[2]);
  });

  it('shares it with what asks for it afterwards', async () => {
    const visits: Visit[] = [];
    const app = await start({
      controllers: [StaticController],
      providers: [
        {
          provide: APP_GUARD,
          useValue: {
            canActivate: (context: ExecutionContext) => {
              const request = context.switchToHttp().getRequest();
              Object.defineProperty(request, 'visit', { set: (visit: Visit) => visits.push(visit) });
              return true;
            },
          },
        },
      ],
    });
    const [, , number] = (await (await app.open('/static/later')).nextText()).split(' ');
    expect(visits.map((visit) => String(visit.number))).toEqual([number]);
  });

  it.each(['/scoped', '/scoped/instance'])(
    'from a request-scoped controller shares its sub-tree: %s',
    async (path) => {
      const app = await start({ controllers: [ScopedController] });
      const [, argument, number] = (await (await app.open(path)).nextText()).split(' ');
      expect(argument).toBe(number);
    },
  );

  it('whose provider fails is an init that failed: 1011, reported', async () => {
    const logger = new LogLines();
    const useFactory = () => Promise.reject(new Error('no gate'));
    const app = await start(
      { controllers: [StaticController], providers: [{ provide: 'gate', scope: Scope.REQUEST, useFactory }] },
      logger,
    );
    const client = await app.open('/static');
    expect([client.status, (await client.nextClose()).code]).toEqual([101, 1011]);
    expect(logger.lines.find(({ level }) => level === 'error')).toMatchObject({
      message: expect.stringContaining('CalledHandler.start'),
      stack: expect.stringContaining('no gate'),
    });
  });

  it('that refuses after all leaves no rejection behind', async () => {
    @Controller()
    class RegrettingController {
      @Get('regretted')
      live(@Req() request: UpgradableRequest) {
        upgrade(request, CalledHandler);
        throw new Error('changed my mind');
      }
    }

    const rejected: unknown[] = [];
    const onRejection = (error: unknown) => rejected.push(error);
    process.on('unhandledRejection', onRejection);
    const useFactory = () => Promise.reject(new Error('no gate'));
    const app = await start({
      controllers: [RegrettingController],
      providers: [{ provide: 'gate', scope: Scope.REQUEST, useFactory }],
    });
    expect((await app.open('/regretted')).status).toBe(500);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onRejection);
    expect(rejected).toEqual([]);
  });

  it('keeps what comes in until the instance is there', async () => {
    @WebSockHandler({ scope: Scope.REQUEST })
    class LateHandler {
      constructor(@Inject('gate') readonly gate: unknown) {}

      handleIn(message: DataMessage, state: unknown) {
        return push(message, state);
      }
    }

    @Controller()
    class LateController {
      @Get('late')
      live(@Req() request: UpgradableRequest) {
        upgrade(request, LateHandler);
      }
    }

    const gate = new Gate();
    const asked = new Log<void>();
    const useFactory = () => (asked.add(), gate.passed);
    const app = await start({
      controllers: [LateController],
      providers: [LateHandler, { provide: 'gate', scope: Scope.REQUEST, useFactory }],
    });
    const client = await app.open('/late');
    client.text('early');
    await asked.next();
    gate.open();
    expect(await client.nextText()).toBe('early');
  });
});

it('openHandler() opens a handler with a scope: each connection has its own', async () => {
  const module = await Test.createTestingModule({
    providers: [CalledHandler, Visit],
  }).compile();
  const open = async () => openHandler(module, CalledHandler, { argument: 'x', request: { url: '/test' } });
  const [first, second] = [await open(), await open()];
  const payloads = [(await first.expectPush())[1], (await second.expectPush())[1]].map(String);
  expect(payloads[0]).toMatch(/^\/test x \d+ true$/);
  expect(payloads[1]).not.toBe(payloads[0]);
  await module.close();
});

it('whose instance comes too late runs neither init nor terminate', async () => {
  const runs: string[] = [];
  const late = handlerOf({
    init: (argument) => (runs.push('init'), ok(argument)),
    terminate: () => runs.push('terminate'),
  });
  const gate = new Gate();
  const { websock } = arrivingHandler(
    late,
    gate.passed.then(() => late),
  );
  const connection = await openHandler(websock);
  connection.close(1000);
  gate.open();
  await connection.expectClose(1000);
  expect([runs, connection.errors]).toEqual([[], []]);
});
