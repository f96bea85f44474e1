import {
  type CallHandler,
  ConflictException,
  createParamDecorator,
  type ExecutionContext,
  Header,
  Injectable,
  type LoggerService,
  type NestInterceptor,
  Param,
  ParseIntPipe,
  Query,
  Req,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { map, of } from 'rxjs';
import { OnIn, OnInit, OnUpgrade, ok, push, text, WebSockHandler, WebSockModule } from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

const Agent = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['user-agent'];
});

/** Tells the client what init got. */
abstract class Telling {
  @OnInit()
  tell(argument: unknown) {
    return push(text(JSON.stringify(argument)), argument);
  }
}

@WebSockHandler('seats/:seat')
class SeatHandler extends Telling {
  @OnUpgrade()
  @Header('X-Seat', 'taken')
  admit(
    @Param('seat', ParseIntPipe) seat: number,
    @Query('colour') colour: string,
    @Req() request: { method: string },
    @Agent() agent: string,
  ) {
    if (seat === 13) throw new ConflictException('taken');
    if (seat === 14) throw new Error('broken');
    return { seat, colour, method: request.method, agent };
  }
}

@Injectable()
class Wrap implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((value) => ({ wrapped: value })));
  }
}

@WebSockHandler('wrapped')
class WrappedHandler extends Telling {
  @OnUpgrade()
  @UseInterceptors(Wrap)
  admit() {
    return of({ plain: true });
  }
}

@WebSockHandler('self/:status')
class SelfAnsweringHandler extends Telling {
  @OnUpgrade()
  admit(
    @Res() response: { status(code: number): { send(body: string): void } },
    @Param('status') status: string,
  ) {
    if (status !== '0') response.status(Number(status)).send('mine');
    return 'admitted';
  }
}

@Injectable()
class Never {
  canActivate() {
    return false;
  }
}

@WebSockHandler('guarded')
class GuardedHandler extends Telling {
  @OnUpgrade()
  @UseGuards(Never)
  admit() {
    return 'admitted';
  }
}

const runs: string[] = [];

@WebSockHandler('late')
class LateHandler {
  @OnUpgrade()
  admit() {
    runs.push('admit');
  }

  @OnIn()
  handle(_message: unknown, state: unknown) {
    return ok(state);
  }
}

eachPlatform('@OnUpgrade on %s', (platform) => {
  const start = (logger?: LoggerService) =>
    startApp(platform, {
      logger,
      imports: [WebSockModule],
      providers: [SeatHandler, WrappedHandler, SelfAnsweringHandler, GuardedHandler, LateHandler],
    });

  beforeEach(() => runs.splice(0));
  afterEach(closeApps);

  it('gets what its parameter decorators ask for, and gives it to init', async () => {
    const app = await start();
    const client = await app.open('/seats/7?colour=red', { headers: { 'User-Agent': 'raw' } });
    expect(JSON.parse(await client.nextText())).toEqual({
      seat: 7,
      colour: 'red',
      method: 'GET',
      agent: 'raw',
    });
  });

  it('has @Header() on the 101', async () => {
    const app = await start();
    expect((await app.open('/seats/7')).header('x-seat')).toBe('taken');
  });

  it('is preceded by its pipes: 400', async () => {
    const app = await start();
    const client = await app.open('/seats/x');
    expect(client.status).toBe(400);
    expect(JSON.parse(client.body)).toMatchObject({ error: 'Bad Request', statusCode: 400 });
  });

  it('refuses by throwing', async () => {
    const app = await start();
    const client = await app.open('/seats/13');
    expect(client.status).toBe(409);
    expect(JSON.parse(client.body)).toMatchObject({ message: 'taken' });
    expect(await client.ended()).toBe('fin');
  });

  it('refuses with 500 when it fails', async () => {
    const app = await start();
    expect((await app.open('/seats/14')).status).toBe(500);
  });

  it('has its own guards', async () => {
    const app = await start();
    expect((await app.open('/guarded')).status).toBe(403);
  });

  it('may return an Observable; interceptors do not change what init gets', async () => {
    const app = await start();
    expect(JSON.parse(await (await app.open('/wrapped')).nextText())).toEqual({ plain: true });
  });

  it('may answer by itself', async () => {
    const errors: unknown[] = [];
    const app = await start({ log() {}, warn() {}, error: (...line: unknown[]) => errors.push(line) });
    const client = await app.open('/self/418');
    expect(client.status).toBe(418);
    expect(await client.ended()).toBe('fin');
    // What the framework makes of it is over when it has answered the next.
    await app.open('/nowhere');
    expect(errors).toEqual([]);
  });

  it('need not answer when it has the response', async () => {
    const app = await start();
    expect(JSON.parse(await (await app.open('/self/0')).nextText())).toBe('admitted');
  });

  it('does not run for a bad handshake, nor for a plain GET', async () => {
    const app = await start();
    expect((await app.open('/late', { headers: { 'Sec-WebSocket-Version': '8' } })).status).toBe(426);
    expect((await app.fetch('/late')).status).toBe(426);
    expect(runs).toEqual([]);
    expect((await app.open('/late')).status).toBe(101);
    expect(runs).toEqual(['admit']);
  });
});
