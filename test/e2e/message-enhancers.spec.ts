import { AsyncLocalStorage } from 'node:async_hooks';
import {
  applyDecorators,
  ForbiddenException,
  Injectable,
  SetMetadata,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { EMPTY, map, of, tap } from 'rxjs';
import {
  Connections,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  ok,
  push,
  text,
  WebSockHandler,
  WebSockModule,
  type Connection,
  type ConnectionRef,
  type ControlMessage,
  type DataMessage,
  type HandleResult,
  type PushResult,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { bootError, closeApps, eachPlatform, startApp, type NestApp } from '../support/nest.js';

const imports = [WebSockModule];

/** What enhancers and methods did, in order. */
let steps: string[];
/** How callbacks failed, and closed. */
let ends: Log<unknown>;

beforeEach(() => {
  steps = [];
  ends = new Log();
});

const step = (name: string) => ({
  guard: { canActivate: () => steps.push(`${name} guard`) > 0 } as CanActivate,
  interceptor: {
    intercept: (_context: ExecutionContext, next: CallHandler) => {
      steps.push(`${name} interceptor`);
      return next.handle().pipe(tap(() => steps.push(`behind the ${name} interceptor`)));
    },
  } as NestInterceptor,
  pipe: {
    transform: (value: unknown) => {
      steps.push(`${name} pipe`);
      return value;
    },
  } as PipeTransform,
});

class Leaves {
  @OnTerminate()
  left(reason: unknown) {
    ends.add(reason);
  }
}

/** The state that `init` makes, and what the callbacks are called with. */
let calls: Log<unknown[]>;
beforeEach(() => (calls = new Log()));

function recordingHandler(...decorators: MethodDecorator[]) {
  const decorate = () => applyDecorators(...decorators);

  @WebSockHandler('recording')
  class RecordingHandler {
    @OnInit()
    @decorate()
    init(...args: unknown[]) {
      calls.add(['init', ...args]);
      return ok('the state');
    }

    @OnIn()
    @decorate()
    receive(...args: unknown[]) {
      calls.add(['in', ...args]);
      return ok('the state');
    }

    @OnControl()
    @decorate()
    control(...args: unknown[]) {
      calls.add(['control', ...args]);
      return ok('the state');
    }

    @OnInfo()
    @decorate()
    told(...args: unknown[]) {
      calls.add(['info', ...args]);
      return ok('the state');
    }
  }
  return RecordingHandler;
}

/** Each callback of a handler once, and what it was called with. */
async function callAll(app: NestApp): Promise<unknown[][]> {
  const client = await app.open('/recording');
  const init = await calls.next();
  const [ref] = app.app.get(Connections).list();
  const made = [init];
  client.text('hello');
  made.push(await calls.next());
  client.ping('are you there');
  made.push(await calls.next());
  app.app.get(Connections).sendInfo(ref!, { news: 1 });
  made.push(await calls.next());
  return made;
}

const all = step('every');
const guards = UseGuards(all.guard);
const interceptors = UseInterceptors(all.interceptor);
const pipes = UsePipes(all.pipe);

eachPlatform('methods with and without enhancers on %s', (platform) => {
  afterEach(closeApps);

  it.each([
    ['bare', [], 0],
    ['guards', [guards], 1],
    ['interceptors', [interceptors], 1],
    ['pipes', [pipes], 1],
    ['all of them', [guards, interceptors, pipes], 3],
  ])('are called with the same arguments: %s', async (_what, decorators, stepsEach) => {
    const app = await startApp(platform, { imports, providers: [recordingHandler(...decorators)] });
    const [init, received, control, info] = await callAll(app);
    const [connection] = init!.slice(-1) as [Connection];
    expect(typeof connection.ref).toBe('string');
    expect(init).toEqual(['init', connection.request, connection]);
    expect(received).toEqual(['in', ['text', 'hello'], 'the state', connection]);
    expect(control).toEqual(['control', ['ping', Buffer.from('are you there')], 'the state', connection]);
    expect(info).toEqual(['info', { news: 1 }, 'the state', connection]);
    // The last callback is noted before the way back through its interceptor.
    expect(steps.filter((what) => !what.startsWith('behind')).length).toBe(4 * stepsEach);
  });
});

const method = step('method');
const other = step('other');

@WebSockHandler('order')
class OrderHandler {
  @OnIn()
  @UseInterceptors(method.interceptor, other.interceptor)
  @UseGuards(method.guard, other.guard)
  @UsePipes(method.pipe, other.pipe)
  receive(_message: DataMessage, state: unknown) {
    steps.push('the method');
    return push(text('done'), state);
  }
}

class SaysNo extends Leaves {
  @OnInit()
  init() {
    return ok('a state');
  }
}

const no = (answer: unknown): CanActivate => ({ canActivate: () => answer as boolean });

@WebSockHandler('no/boolean')
class NoHandler extends SaysNo {
  @OnIn()
  @UseGuards(no(false))
  receive(_message: DataMessage, state: unknown) {
    return push(text('passed'), state);
  }
}

@WebSockHandler('no/promise')
class NoPromiseHandler extends SaysNo {
  @OnIn()
  @UseGuards(no(Promise.resolve(false)))
  receive(_message: DataMessage, state: unknown) {
    return push(text('passed'), state);
  }
}

@WebSockHandler('no/observable')
class NoObservableHandler extends SaysNo {
  @OnIn()
  @UseGuards(no(of(true, false)))
  receive(_message: DataMessage, state: unknown) {
    return push(text('passed'), state);
  }
}

@WebSockHandler('no/empty')
class NoEmptyHandler extends SaysNo {
  @OnIn()
  @UseGuards(no(EMPTY))
  receive(_message: DataMessage, state: unknown) {
    return push(text('passed'), state);
  }
}

@WebSockHandler('yes')
class YesHandler {
  @OnIn()
  @UseGuards(no(Promise.resolve(true)), no(of(false, true)), no(Promise.resolve(of(true))))
  receive(_message: DataMessage, state: unknown) {
    return push(text('passed'), state);
  }
}

const asked = new Map<string, unknown>();

/** Tells everything that the context knows. */
@Injectable()
class AskingGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const ws = context.switchToWs();
    const name = context.getHandler().name;
    asked.set(name, {
      type: context.getType(),
      handlerClass: context.getClass(),
      role: this.reflector.get<string>('role', context.getHandler()),
      args: context.getArgs(),
      client: ws.getClient<Connection>(),
      data: ws.getData<unknown>(),
      pattern: ws.getPattern(),
      headers: context.switchToHttp().getRequest<{ headers: object }>().headers,
      response: context.switchToHttp().getResponse<unknown>(),
    });
    return true;
  }
}

@WebSockHandler('asking')
class AskingHandler {
  @OnInit()
  @SetMetadata('role', 'starter')
  @UseGuards(AskingGuard)
  init() {
    return ok(['a state']);
  }

  @OnIn('binary')
  @UseGuards(AskingGuard)
  bytes(_message: DataMessage, state: unknown) {
    return push(text('bytes'), state);
  }

  @OnIn()
  @SetMetadata('role', 'speaker')
  @UseGuards(AskingGuard)
  receive(_message: DataMessage, state: unknown) {
    return push(text('text'), state);
  }
}

eachPlatform('guards of callbacks on %s', (platform) => {
  afterEach(closeApps);

  it('run first, then interceptors, pipes and the method', async () => {
    const app = await startApp(platform, { imports, providers: [OrderHandler] });
    const client = await app.open('/order');
    client.text('x');
    expect(await client.nextText()).toBe('done');
    expect(steps).toEqual([
      'method guard',
      'other guard',
      'method interceptor',
      'other interceptor',
      'method pipe',
      'other pipe',
      'the method',
      'behind the other interceptor',
      'behind the method interceptor',
    ]);
  });

  it.each([
    ['false', 'boolean', NoHandler],
    ['a promise of false', 'promise', NoPromiseHandler],
    ['an Observable that ends with false', 'observable', NoObservableHandler],
    ['an empty Observable', 'empty', NoEmptyHandler],
  ])('refuse with %s: 1011, and terminate gets a ForbiddenException', async (_what, path, handler) => {
    const app = await startApp(platform, { imports, providers: [handler] });
    const client = await app.open(`/no/${path}`);
    client.text('x');
    expect((await client.nextClose()).code).toBe(1011);
    const [, error] = (await ends.next()) as [string, unknown];
    expect(error).toBeInstanceOf(ForbiddenException);
  });

  it('let pass with promises and Observables of true', async () => {
    const app = await startApp(platform, { imports, providers: [YesHandler] });
    const client = await app.open('/yes');
    client.text('x');
    expect(await client.nextText()).toBe('passed');
  });

  it('are told connection, message, state and pattern, and of the upgrade request', async () => {
    const app = await startApp(platform, { imports, providers: [AskingHandler] });
    const client = await app.open('/asking', { headers: { Authorization: 'Bearer x' } });
    client.text('hello');
    await client.nextText();
    client.binary('1');
    await client.nextText();
    const { client: connection } = asked.get('init') as { client: Connection };
    const common = {
      type: 'ws',
      handlerClass: AskingHandler,
      client: connection,
      headers: connection.request.headers,
      response: undefined,
    };
    expect(connection.request.headers.authorization).toBe('Bearer x');
    expect(asked.get('init')).toEqual({
      ...common,
      role: 'starter',
      args: [connection, connection.request, undefined, 'init'],
      data: connection.request,
      pattern: 'init',
    });
    expect(asked.get('receive')).toEqual({
      ...common,
      role: 'speaker',
      args: [connection, ['text', 'hello'], ['a state'], 'handleIn'],
      data: ['text', 'hello'],
      pattern: 'handleIn',
    });
    expect(asked.get('bytes')).toEqual({
      ...common,
      role: undefined,
      args: [connection, ['binary', Buffer.from('1')], ['a state'], 'binary'],
      data: ['binary', Buffer.from('1')],
      pattern: 'binary',
    });
  });

  it('that Nest has not set up, on a custom provider, are a boot error', async () => {
    const custom = {
      provide: AskingHandler,
      useFactory: () => new AskingHandler(),
    };
    const error = await bootError(platform, { imports, providers: [custom] });
    expect(error).toMatchObject({ code: 'WEBSOCK_NOT_A_HANDLER' });
    expect(String(error)).toContain('AskingGuard');
  });

  it('can be overridden in a testing module', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [AskingHandler],
      override: (builder) => builder.overrideGuard(AskingGuard).useValue({ canActivate: () => false }),
    });
    // `init` is refused.
    expect((await (await app.open('/asking')).nextClose()).code).toBe(1011);
  });
});

const als = new AsyncLocalStorage<string>();

const intercepts = (intercept: NestInterceptor['intercept']): NestInterceptor => ({ intercept });
const twice = intercepts((_context, next) =>
  next
    .handle()
    .pipe(map(([, message, state]: PushResult<string>) => push([message, message] as never, state))),
);
const later = intercepts((_context, next) => Promise.resolve(next.handle()));
const instead = intercepts((_context, _next) => of(push(text('instead'), 'the state')));
const nothing = intercepts(() => EMPTY);
const tracing = intercepts((_context, next) => als.run('traced', () => next.handle()));

@WebSockHandler('intercepted')
class InterceptedHandler extends Leaves {
  @OnIn('text')
  @UseInterceptors(twice, later)
  async receive(_message: DataMessage, state: unknown) {
    await Promise.resolve();
    return push(text('received'), state);
  }

  @OnIn('binary')
  @UseInterceptors(nothing)
  bytes(_message: DataMessage, state: unknown) {
    return ok(state);
  }

  @OnControl()
  @UseInterceptors(instead)
  control(_message: ControlMessage, _state: unknown): HandleResult<unknown> {
    throw new Error('was called');
  }
}

@WebSockHandler('traced')
class TracedHandler {
  @OnIn('text')
  @UseInterceptors(tracing, later)
  async receive(_message: DataMessage, state: unknown) {
    const atOnce = als.getStore();
    await Promise.resolve();
    return push(text(`${atOnce} ${als.getStore()}`), state);
  }

  @OnIn('binary')
  @UseInterceptors(later, tracing)
  async *stream(_message: DataMessage, state: unknown) {
    yield push(text('first'), state);
    await Promise.resolve();
    yield push(text('second'), state);
  }
}

eachPlatform('interceptors of callbacks on %s', (platform) => {
  afterEach(closeApps);

  it('stand around the method, and may change the result or be the result', async () => {
    const app = await startApp(platform, { imports, providers: [InterceptedHandler] });
    const client = await app.open('/intercepted');
    client.text('x');
    expect(await client.nextText()).toBe('received');
    expect(await client.nextText()).toBe('received');
    client.pong();
    expect(await client.nextText()).toBe('instead');
  });

  it('that have no value in their stream are a bad result, which names the method', async () => {
    const app = await startApp(platform, { imports, providers: [InterceptedHandler] });
    const client = await app.open('/intercepted');
    client.binary('x');
    expect((await client.nextClose()).code).toBe(1011);
    const [, error] = (await ends.next()) as [string, Error];
    expect(error).toMatchObject({ code: 'WEBSOCK_RESULT', method: 'InterceptedHandler.bytes' });
  });

  it('keep the async context in which they call handle()', async () => {
    const app = await startApp(platform, { imports, providers: [TracedHandler] });
    const client = await app.open('/traced');
    client.text('x');
    expect(await client.nextText()).toBe('traced traced');
  });

  it('pass on a generator as it is', async () => {
    const app = await startApp(platform, { imports, providers: [TracedHandler] });
    const client = await app.open('/traced');
    client.binary('x');
    expect(await client.nextText()).toBe('first');
    expect(await client.nextText()).toBe('second');
  });
});

const described: ArgumentMetadata[] = [];
const describing: PipeTransform = {
  transform(value: unknown, metadata: ArgumentMetadata) {
    described.push(metadata);
    return value;
  },
};
const upperCase: PipeTransform = {
  transform: async ([opcode, data]: [string, string]) => [opcode, data.toUpperCase()],
};
class News {
  constructor(readonly title: string) {}
}
const renamed: PipeTransform = { transform: ({ title }: News) => new News(`${title}!`) };

@WebSockHandler('piped')
@UsePipes({ transform: () => 'by the pipe of the class' })
class PipedHandler {
  static ref: ConnectionRef;

  @OnInit()
  @UsePipes(describing)
  init(argument: object, connection: Connection) {
    PipedHandler.ref = connection.ref;
    return ok(argument);
  }

  @OnIn()
  @UsePipes(describing, upperCase)
  receive(message: DataMessage, state: object, connection: Connection) {
    const isSame = state === connection.request;
    return push([message, text(String(isSame))], state);
  }

  @OnInfo()
  @UsePipes(describing, renamed)
  told(news: News, state: object) {
    return push(text(news.title), state);
  }
}

eachPlatform('pipes of undecorated callbacks on %s', (platform) => {
  afterEach(closeApps);
  beforeEach(() => described.splice(0));

  it('run on the message alone: those of the method', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [PipedHandler],
      setUp: (nest) => nest.useGlobalPipes({ transform: () => 'by the global pipe' }),
    });
    const client = await app.open('/piped');
    client.text('loud');
    expect(await client.nextText()).toBe('LOUD');
    expect(await client.nextText()).toBe('true');
    app.app.get(Connections).sendInfo(PipedHandler.ref, new News('rain'));
    expect(await client.nextText()).toBe('rain!');
    expect(described).toEqual([
      { type: 'custom', metatype: Object, data: undefined },
      { type: 'body', metatype: Object, data: undefined },
      { type: 'custom', metatype: News, data: undefined },
    ]);
  });
});

eachPlatform('the log on %s', (platform) => {
  afterEach(closeApps);

  it('has a refused message as the error of its method', async () => {
    const log = new LogLines();
    const app = await startApp(platform, { imports, providers: [NoHandler], logger: log });
    const client = await app.open('/no/boolean');
    client.text('x');
    await client.nextClose();
    expect(log.at('error')).toEqual([
      expect.stringMatching(/^NoHandler\.receive\(\) failed on connection .*Forbidden/),
    ]);
  });
});

@Injectable()
class NoGuard implements CanActivate {
  canActivate() {
    return false;
  }
}

@WebSockHandler('admitting')
class AdmittingHandler {
  @OnUpgrade()
  @UseGuards(NoGuard)
  admit() {
    return 'a state';
  }

  @OnIn()
  receive(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('overriding')
class OverridingHandler extends AdmittingHandler {
  override admit() {
    return super.admit();
  }
}

/** Without `@WebSockHandler()`. */
class UndecoratedHandler extends AdmittingHandler {
  override admit() {
    return super.admit();
  }
}

eachPlatform('an overriding @OnUpgrade on %s', (platform) => {
  afterEach(closeApps);

  it('keeps the guards of the method that it overrides', async () => {
    const app = await startApp(platform, { imports, providers: [OverridingHandler] });
    expect((await app.open('/overriding')).status).toBe(403);
  });

  it('is a boot error where Nest does not set those up', async () => {
    const error = await bootError(platform, { imports, providers: [UndecoratedHandler] });
    expect(error).toMatchObject({ code: 'WEBSOCK_NOT_A_HANDLER' });
    expect(String(error)).toContain('UndecoratedHandler overrides a method that has NoGuard');
  });
});
