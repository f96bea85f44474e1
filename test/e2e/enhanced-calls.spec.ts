import { jest } from '@jest/globals';
import {
  Catch,
  ForbiddenException,
  Inject,
  Injectable,
  Param,
  Scope,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type ModuleMetadata,
  type PipeTransform,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector, REQUEST } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { MessageBody } from '@nestjs/websockets';
import {
  ok,
  OnIn,
  OnInit,
  push,
  State,
  text,
  WebSockHandler,
  type DataMessage,
  type HandleResult,
  type UpgradeRequest,
} from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';

function compile(metadata: ModuleMetadata): Promise<TestingModule> {
  return Test.createTestingModule(metadata).compile();
}

const yes: CanActivate = { canActivate: () => true };
const hands = { intercept: (_context: ExecutionContext, next: CallHandler) => next.handle() };
const same: PipeTransform = { transform: (value: unknown) => value };

@Catch()
class CatchAll implements ExceptionFilter {
  catch() {}
}

let stack: string | undefined;

@WebSockHandler()
@UseGuards({ canActivate: () => false })
@UseInterceptors(hands)
@UsePipes(same)
@UseFilters(CatchAll)
class BareHandler {
  @OnIn()
  @UseFilters(CatchAll)
  echo(message: DataMessage, state: unknown) {
    ({ stack } = new Error());
    return push(message, state);
  }
}

describe('a method without enhancers and parameter decorators', () => {
  it('is called directly, whatever the class and the app have', async () => {
    const app = [
      { provide: APP_GUARD, useValue: yes },
      { provide: APP_INTERCEPTOR, useValue: hands },
      { provide: APP_PIPE, useValue: same },
      { provide: APP_FILTER, useValue: new CatchAll() },
    ];
    const module = await compile({ providers: [BareHandler, ...app] });
    const room = await openHandler(module, BareHandler);
    room.send(text('hello'));
    expect(room.received).toEqual([text('hello')]);
    expect(stack).toContain('callback-runner');
    expect(stack).not.toMatch(/src.nest.(enhanced-call|handler-enhancements|failure-recovery)/);
  });
});

@WebSockHandler()
class SynchronousHandler {
  @OnIn()
  @UseGuards(yes, yes)
  @UsePipes(same)
  echo(@MessageBody() data: string, @State() state: unknown) {
    return push(text(data), state);
  }
}

@WebSockHandler()
class InterceptedHandler {
  @OnIn()
  @UseInterceptors(hands)
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

describe('a method with enhancers', () => {
  it('stays synchronous behind guards and pipes that are', async () => {
    const room = await openHandler(await compile({ providers: [SynchronousHandler] }), SynchronousHandler);
    room.send(text('hello'));
    expect(room.received).toEqual([text('hello')]);
  });

  it('is asynchronous behind an interceptor', async () => {
    const room = await openHandler(await compile({ providers: [InterceptedHandler] }), InterceptedHandler);
    room.send(text('hello'));
    expect(room.received).toEqual([]);
    await room.expectPush(text('hello'));
  });

  it('may be spied on', async () => {
    const module = await compile({ providers: [SynchronousHandler] });
    const room = await openHandler(module, SynchronousHandler);
    jest.spyOn(module.get(SynchronousHandler), 'echo').mockReturnValue(push(text('spied'), 0));
    room.send(text('hello'));
    await room.expectPush(text('spied'));
  });
});

const rejecting: PipeTransform = { transform: () => Promise.reject(new Error('refused')) };
const throwing: PipeTransform = {
  transform: () => {
    throw new Error('never asked');
  },
};

@WebSockHandler()
class RefusingHandler {
  @OnIn()
  receive(@Param('a', rejecting) a: unknown, @Param('b', throwing) _b: unknown): HandleResult<unknown> {
    return ok(a);
  }
}

describe('pipes of several parameters', () => {
  it('run one after the other: the first that refuses is the error, and no promise is left alone', async () => {
    const room = await openHandler(await compile({ providers: [RefusingHandler] }), RefusingHandler);
    room.send(text('x'));
    await room.expectClose(1011);
    expect(room.errors).toEqual([{ method: 'RefusingHandler.receive', error: new Error('refused') }]);
  });
});

@Injectable({ scope: Scope.REQUEST })
class PipeOfRequest implements PipeTransform {
  constructor(@Inject(REQUEST) private readonly request: UpgradeRequest) {}

  transform(value: string) {
    return `${value} from ${this.request.path}`;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TransientGuard implements CanActivate {
  private readonly isMade = true;

  canActivate() {
    return this.isMade;
  }
}

@WebSockHandler()
class ScopedByPipeHandler {
  @OnInit()
  init() {
    return ok(this);
  }

  @OnIn()
  @UseGuards(TransientGuard)
  echo(@MessageBody() data: string, @State() state: object) {
    return push(text(`${data}, ${state === this}`), state);
  }
}

@WebSockHandler()
class TransientGuardHandler {
  @OnIn()
  @UseGuards(TransientGuard)
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@Catch()
@Injectable({ scope: Scope.REQUEST })
class FilterOfRequest implements ExceptionFilter {
  constructor(@Inject(REQUEST) private readonly request: UpgradeRequest) {}

  catch(error: Error, host: ArgumentsHost) {
    return push(text(`${error.message} at ${this.request.path}`), host.getArgByIndex(2));
  }
}

@WebSockHandler()
class ScopedByFilterHandler {
  @OnIn()
  @UseFilters(FilterOfRequest)
  receive(): HandleResult<unknown> {
    throw new Error('a fault');
  }
}

@WebSockHandler()
class FailingHandler {
  @OnIn()
  receive(): HandleResult<unknown> {
    throw new Error('a fault');
  }
}

describe('enhancers with a scope:', () => {
  it('those of the app give it to a handler that they run for, which gets an instance for each connection', async () => {
    const pipe = { provide: APP_PIPE, useClass: PipeOfRequest };
    const module = await compile({ providers: [ScopedByPipeHandler, pipe] });
    for (const url of ['/a', '/b']) {
      const room = await openHandler(module, ScopedByPipeHandler, { request: { url } });
      room.send(text('hello'));
      await room.expectPush(text(`hello from ${url}, true`));
    }
  });

  it('those of the app that do not run for a handler leave it a singleton', async () => {
    const scoped = [
      { provide: APP_PIPE, useClass: PipeOfRequest },
      { provide: APP_GUARD, scope: Scope.REQUEST, useClass: TransientGuard },
      { provide: APP_FILTER, useClass: FilterOfRequest },
    ];
    const module = await compile({ providers: [FailingHandler, ...scoped] });
    const room = await openHandler(module, FailingHandler);
    expect(module.get(FailingHandler)).toBeInstanceOf(FailingHandler);
    room.send(text('hello'));
    await room.expectClose(1011);
    // Nor is the filter asked, of which there is no instance.
    expect(room.errors).toEqual([{ method: 'FailingHandler.receive', error: new Error('a fault') }]);
  });

  it('filters have one too', async () => {
    const module = await compile({ providers: [ScopedByFilterHandler] });
    for (const url of ['/a', '/b']) {
      const room = await openHandler(module, ScopedByFilterHandler, { request: { url } });
      room.send(text('hello'));
      await room.expectPush(text(`a fault at ${url}`));
    }
  });

  it('transient ones are made for the handler', async () => {
    const module = await compile({ providers: [TransientGuardHandler] });
    const room = await openHandler(module, TransientGuardHandler);
    room.send(text('hello'));
    await room.expectPush(text('hello'));
  });
});

@Injectable()
class NoGuard implements CanActivate {
  canActivate() {
    return false;
  }
}

class GuardedBase {
  @OnIn()
  @UseGuards(NoGuard)
  say(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

class GuardedMiddle extends GuardedBase {
  override say(message: DataMessage, state: unknown) {
    return super.say(message, state);
  }
}

@WebSockHandler()
class OverridingHandler extends GuardedMiddle {
  override say(message: DataMessage, state: unknown) {
    return super.say(message, state);
  }
}

@WebSockHandler()
class GuardedHandler extends GuardedBase {}

class GuardedFake extends GuardedHandler {
  override say(message: DataMessage, state: unknown) {
    return super.say(message, state);
  }
}

@WebSockHandler()
class PlainHandler {
  @UseGuards(NoGuard)
  handleIn(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler()
class OverridingPlainHandler extends PlainHandler {
  override handleIn(message: DataMessage, state: unknown) {
    return super.handleIn(message, state);
  }
}

@WebSockHandler()
class RedecoratedHandler extends GuardedBase {
  @OnIn()
  override say(message: DataMessage, state: unknown) {
    return super.say(message, state);
  }
}

describe('a method that overrides one with enhancers', () => {
  it.each([
    ['with its @On… decorator', OverridingHandler],
    ['by the name of its callback', OverridingPlainHandler],
  ])('keeps them %s', async (_what, handler) => {
    const room = await openHandler(await compile({ providers: [handler] }), handler);
    room.send(text('hello'));
    await room.expectClose(1011);
    expect(room.errors).toMatchObject([{ error: expect.any(ForbiddenException) }]);
  });

  it('keeps them where overrideProvider() brings it', async () => {
    const builder = Test.createTestingModule({ providers: [GuardedHandler] });
    const module = await builder.overrideProvider(GuardedHandler).useClass(GuardedFake).compile();
    const room = await openHandler(module, GuardedHandler);
    room.send(text('hello'));
    await room.expectClose(1011);
    expect(room.errors).toMatchObject([{ error: expect.any(ForbiddenException) }]);
  });

  it('has its own with an @On… decorator of its own', async () => {
    const room = await openHandler(await compile({ providers: [RedecoratedHandler] }), RedecoratedHandler);
    room.send(text('hello'));
    await room.expectPush(text('hello'));
  });
});

let roles: unknown[];
beforeEach(() => (roles = []));

/** As guards with a decorator of their own read it. */
class RoleGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const targets = [context.getHandler(), context.getClass()];
    roles.push(new Reflector().getAllAndOverride('role', targets));
    return true;
  }
}

class RoleBase {
  @OnIn()
  @SetMetadata('role', 'speaker')
  say(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler({ messageEnhancers: ['guards'] })
@UseGuards(new RoleGuard())
@SetMetadata('role', 'anybody')
class RoleHandler extends RoleBase {
  override say(message: DataMessage, state: unknown) {
    return super.say(message, state);
  }
}

describe('getHandler()', () => {
  it('has the metadata of the method that is overridden', async () => {
    const room = await openHandler(await compile({ providers: [RoleHandler] }), RoleHandler);
    room.send(text('hello'));
    await room.expectPush(text('hello'));
    expect(roles).toEqual(['speaker']);
  });

  it('is the method of a mock without a class', async () => {
    const mock = { handleIn: (message: DataMessage, state: unknown) => push(message, state) };
    const builder = Test.createTestingModule({ providers: [RoleHandler] });
    const room = await openHandler(
      await builder.overrideProvider(RoleHandler).useValue(mock).compile(),
      RoleHandler,
    );
    room.send(text('hello'));
    await room.expectPush(text('hello'));
    expect(roles).toEqual(['anybody']);
  });
});

@Injectable()
class Place {
  constructor(readonly name: string) {}
}

@Injectable()
class PlaceGuard implements CanActivate {
  constructor(private readonly place: Place) {}

  canActivate(context: ExecutionContext) {
    roles.push(this.place.name);
    return context.getType() === 'ws';
  }
}

@WebSockHandler()
class PlacedHandler {
  constructor(private readonly place: Place) {}

  @OnIn()
  @UseGuards(PlaceGuard)
  say(_message: DataMessage, state: unknown) {
    return push(text(this.place.name), state);
  }
}

describe('a handler that two modules provide', () => {
  it('has the enhancers of the module whose instance it is', async () => {
    const placed = (name: string) => {
      class PlacedModule {}
      const place = { provide: Place, useValue: new Place(name) };
      return { module: PlacedModule, providers: [PlacedHandler, place] };
    };
    const module = await compile({ imports: [placed('one'), placed('two')] });
    const room = await openHandler(module, PlacedHandler);
    room.send(text('where'));
    const [[, answer]] = room.received as [[string, string]];
    expect(roles).toEqual([answer]);
  });
});
