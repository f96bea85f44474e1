import {
  ArgumentsHost,
  Catch,
  type CallHandler,
  type CanActivate,
  Controller,
  ConflictException,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  type NestInterceptor,
  Param,
  ParseIntPipe,
  Req,
  Res,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { finalize } from 'rxjs';
import {
  OnInit,
  push,
  text,
  type UpgradableRequest,
  upgrade,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

const runs: string[] = [];

@WebSockHandler()
class TellingHandler {
  @OnInit()
  init(argument: unknown) {
    return push(text(JSON.stringify(argument)), argument);
  }
}

@Injectable()
class TicketGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-ticket'] === 'yes';
  }
}

@Injectable()
class Around implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    runs.push('before');
    return next.handle().pipe(finalize(() => runs.push('after')));
  }
}

/** Answers in its own words. */
@Catch(ConflictException)
class ConflictFilter implements ExceptionFilter<HttpException> {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: HttpException, host: ArgumentsHost) {
    const response: unknown = host.switchToHttp().getResponse();
    this.adapterHost.httpAdapter.reply(response, { taken: error.message }, 410);
  }
}

@Controller('seats')
@UseGuards(TicketGuard)
@UseInterceptors(Around)
@UseFilters(ConflictFilter)
class SeatController {
  @Get(':seat')
  @Header('X-Seat', 'yours')
  sit(@Req() request: UpgradableRequest, @Param('seat', ParseIntPipe) seat: number) {
    if (seat === 13) throw new ConflictException('13');
    return upgrade(request, TellingHandler, { seat });
  }

  @Get(':seat/response')
  withResponse(
    @Req() request: UpgradableRequest,
    @Res({ passthrough: true }) response: { header(name: string, value: string): void },
  ) {
    response.header('X-Seat', 'by hand');
    return upgrade(request, TellingHandler, 'passthrough');
  }

  @Get(':seat/later')
  async later(@Req() request: UpgradableRequest) {
    await Promise.resolve();
    return upgrade(request, TellingHandler, 'later');
  }

  @Get(':seat/created')
  @HttpCode(201)
  created(@Req() request: UpgradableRequest) {
    return upgrade(request, TellingHandler, 'created');
  }

  @Get(':seat/regretted')
  regretted(@Req() request: UpgradableRequest) {
    upgrade(request, TellingHandler, 'regretted');
    throw new ForbiddenException('changed my mind');
  }

  @Get(':seat/failed')
  failed(@Req() request: UpgradableRequest) {
    upgrade(request, TellingHandler, 'failed');
    throw new Error('broken');
  }

  @Get(':seat/twice')
  twice(@Req() request: UpgradableRequest) {
    upgrade(request, TellingHandler, 'first');
    return upgrade(request, TellingHandler, 'second');
  }

  @Get(':seat/late')
  tooLate(@Req() request: UpgradableRequest, @Res() response: { send(body: string): void }) {
    response.send('answered');
    return upgrade(request, TellingHandler, 'late');
  }

  @Get(':seat/forgotten')
  forgotten(@Req() request: UpgradableRequest, @Res() _response: unknown) {
    return upgrade(request, TellingHandler, 'forgotten');
  }

  @Get(':seat/nothing')
  noHandler(@Req() request: UpgradableRequest) {
    return upgrade(request, undefined as unknown as typeof TellingHandler);
  }
}

let made = 0;

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  private readonly number = ++made;

  @Get()
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, TellingHandler, this.number);
  }
}

eachPlatform('a controller that upgrades on %s', (platform) => {
  const errors: string[] = [];
  const start = (options = {}) =>
    startApp(platform, {
      imports: [WebSockModule.forRoot(options)],
      controllers: [SeatController, ScopedController],
      providers: [TellingHandler],
      logger: { log() {}, warn() {}, error: (error: unknown) => errors.push(String(error)) },
    });
  const headers = { 'X-Ticket': 'yes' };

  beforeEach(() => [runs, errors].forEach((list) => list.splice(0)));
  afterEach(closeApps);

  it('has its guards, pipes, interceptors and filters', async () => {
    const app = await start();
    expect((await app.open('/seats/7')).status).toBe(403);
    expect((await app.open('/seats/x', { headers })).status).toBe(400);
    runs.splice(0);
    const client = await app.open('/seats/7', { headers });
    expect([client.status, await client.nextText()]).toEqual([101, '{"seat":7}']);
    expect(runs).toEqual(['before', 'after']);
    const taken = await app.open('/seats/13', { headers });
    expect([taken.status, JSON.parse(taken.body)]).toEqual([410, { taken: '13' }]);
    expect(errors).toEqual([]);
  });

  it('sets headers with @Header() and with @Res({ passthrough: true })', async () => {
    const app = await start();
    expect((await app.open('/seats/7', { headers })).header('x-seat')).toBe('yours');
    const client = await app.open('/seats/7/response', { headers });
    expect([client.header('x-seat'), await client.nextText()]).toEqual(['by hand', '"passthrough"']);
  });

  it('may upgrade later, and with any 2xx', async () => {
    const app = await start();
    expect(await (await app.open('/seats/7/later', { headers })).nextText()).toBe('"later"');
    expect((await app.open('/seats/7/created', { headers })).status).toBe(101);
  });

  it('may be request-scoped', async () => {
    const app = await start();
    const first = Number(await (await app.open('/scoped')).nextText());
    expect(await (await app.open('/scoped')).nextText()).toBe(String(first + 1));
  });

  it('refuses by throwing, even after upgrade()', async () => {
    const app = await start();
    const client = await app.open('/seats/7/regretted', { headers });
    expect([client.status, JSON.parse(client.body)]).toMatchObject([403, { message: 'changed my mind' }]);
    expect(await client.ended()).toBe('fin');
    const failed = await app.open('/seats/7/failed', { headers });
    expect([failed.status, await failed.ended()]).toEqual([500, 'fin']);
  });

  it('is told what to do when it upgrades twice', async () => {
    const app = await start();
    expect((await app.open('/seats/7/twice', { headers })).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining('twice for one request: call it once')]);
  });

  it('is told what to do when it upgrades after the response', async () => {
    const app = await start();
    expect((await app.open('/seats/7/late', { headers })).status).toBe(200);
    expect(errors).toEqual([expect.stringContaining('with @Res() use { passthrough: true }')]);
  });

  it('is answered for with 503 when it takes the response and never ends it', async () => {
    const app = await start({ upgradeTimeout: 100 });
    const client = await app.open('/seats/7/forgotten', { headers });
    expect([client.status, await client.ended()]).toEqual([503, 'fin']);
  });

  it('is told what to do when it names no handler', async () => {
    const app = await start();
    expect((await app.open('/seats/7/nothing', { headers })).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining('decorate the class with @WebSockHandler()')]);
  });
});
