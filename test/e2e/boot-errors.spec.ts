import { All, Controller, Get, Injectable, Module, Post, Scope, VersioningType } from '@nestjs/common';
import {
  ConfigError,
  OnIn,
  OnInfo,
  OnInit,
  OnUpgrade,
  ok,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { type AppSpec, bootError, closeApps, eachPlatform, NestApp } from '../support/nest.js';

class Callbacks {
  @OnIn()
  handle(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@WebSockHandler('rooms/:room')
class RoomHandler extends Callbacks {}

@WebSockHandler(['lobby', 'rooms/:id'])
class OtherRoomHandler extends Callbacks {}

@WebSockHandler('rooms/:room', { version: '2' })
class RoomHandler2 extends Callbacks {}

@Controller('rooms')
class RoomController {
  @Get(':number')
  find() {
    return 'a room';
  }
}

@Controller('ROOMS')
class ShoutingController extends RoomController {}

@Controller()
class EverythingController {
  @All('rooms/:room')
  all() {
    return 'a room';
  }
}

@Controller('rooms')
class PostController {
  @Post(':room')
  post() {
    return 'posted';
  }
}

@WebSockHandler('twice')
class TwiceHandler extends Callbacks {
  @OnIn()
  handleToo(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@WebSockHandler('none')
class NoCallbackHandler {
  @OnUpgrade()
  admit() {}

  handleIn(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@Injectable()
class StrayService {
  @OnInfo()
  posted(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@Controller()
class StrayController {
  @OnInit()
  init(argument: unknown) {
    return ok(argument);
  }
}

@Injectable()
@WebSockHandler('scoped', { scope: Scope.REQUEST })
class LostScopeHandler extends Callbacks {}

@WebSockHandler('options', { timeout: 0 })
class WrongOptionHandler extends Callbacks {}

@WebSockHandler('options', { timeOut: 1 } as object)
class UnknownOptionHandler extends Callbacks {}

@WebSockHandler('options', { heartbeat: 2_000 })
class HeartbeatHandler extends Callbacks {}

@Module({ imports: [WebSockModule], providers: [RoomHandler] })
class FirstModule {}

@Module({ imports: [WebSockModule], providers: [RoomHandler] })
class SecondModule {}

const imports = [WebSockModule];

const CASES: [what: string, code: string, mentions: string[], spec: AppSpec][] = [
  [
    'two handlers on one path',
    'WEBSOCK_PATH_TAKEN',
    ['/rooms/:room', 'RoomHandler', 'OtherRoomHandler'],
    { imports, providers: [RoomHandler, OtherRoomHandler] },
  ],
  [
    'one handler in two modules',
    'WEBSOCK_PATH_TAKEN',
    ['FirstModule', 'SecondModule', 'export it'],
    { imports: [FirstModule, SecondModule] },
  ],
  [
    'two handlers on one path and version',
    'WEBSOCK_PATH_TAKEN',
    ['/v2/rooms/:room', 'RoomHandler2'],
    {
      imports,
      providers: [RoomHandler, RoomHandler2],
      setUp: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' }),
    },
  ],
  [
    'two handlers on one path, the versions of which are not enabled',
    'WEBSOCK_PATH_TAKEN',
    ['RoomHandler2'],
    { imports, providers: [RoomHandler, RoomHandler2] },
  ],
  [
    'a GET route on a declared path',
    'WEBSOCK_ROUTE_ON_PATH',
    ['RoomController.find()', 'RoomHandler', 'upgrade()'],
    { imports, controllers: [RoomController], providers: [RoomHandler] },
  ],
  [
    'a route for all methods on a declared path',
    'WEBSOCK_ROUTE_ON_PATH',
    ['EverythingController.all()'],
    { imports, controllers: [EverythingController], providers: [RoomHandler] },
  ],
  [
    'two methods for one callback',
    'WEBSOCK_DUPLICATE_CALLBACK',
    ['TwiceHandler', 'handle()', 'handleToo()', '@OnIn()'],
    { imports, providers: [TwiceHandler] },
  ],
  [
    'a handler without a callback',
    'WEBSOCK_NO_CALLBACK',
    ['NoCallbackHandler', '@OnUpgrade() admit'],
    { imports, providers: [NoCallbackHandler] },
  ],
  [
    'an @On… in a provider that is no handler',
    'WEBSOCK_CALLBACK_OUTSIDE_HANDLER',
    ['StrayService.posted()', '@OnInfo()'],
    { imports, providers: [StrayService] },
  ],
  [
    'an @On… in a controller',
    'WEBSOCK_CALLBACK_OUTSIDE_HANDLER',
    ['StrayController.init()', '@OnInit()'],
    { imports, controllers: [StrayController] },
  ],
  [
    'a scope that @Injectable() takes away',
    'WEBSOCK_HANDLER_SCOPE',
    ['LostScopeHandler', '@Injectable()'],
    { imports, providers: [LostScopeHandler] },
  ],
  [
    'a wrong option',
    'WEBSOCK_OPTION_INVALID',
    ['@WebSockHandler WrongOptionHandler', 'timeout', 'milliseconds'],
    { imports, providers: [WrongOptionHandler] },
  ],
  [
    'an unknown option',
    'WEBSOCK_OPTION_UNKNOWN',
    ['@WebSockHandler UnknownOptionHandler', 'timeOut'],
    { imports, providers: [UnknownOptionHandler] },
  ],
  [
    "an option that does not fit the module's",
    'WEBSOCK_OPTION_INVALID',
    ['@WebSockHandler HeartbeatHandler', 'heartbeat', '1000 ms'],
    { imports: [WebSockModule.forRoot({ timeout: 1_000 })], providers: [HeartbeatHandler] },
  ],
  [
    'a wrong option of the module',
    'WEBSOCK_OPTION_INVALID',
    ['WebSockModule.forRoot()', 'maxMailbox'],
    { imports: [WebSockModule.forRoot({ maxMailbox: -1 })] },
  ],
  [
    'a wrong option of the drainer',
    'WEBSOCK_OPTION_INVALID',
    ['WebSockModule.forRoot()', 'drainer.code'],
    { imports: [WebSockModule.forRoot({ drainer: { code: 1006 } })] },
  ],
];

eachPlatform('boot on %s', (platform) => {
  afterEach(closeApps);

  it.each(CASES)('fails for %s', async (_what, code, mentions, spec) => {
    const error = await bootError(platform, spec);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe(code);
    for (const part of mentions) expect((error as ConfigError).message).toContain(part);
  });

  it('leaves an app that can be closed when it fails', async () => {
    const app = await NestApp.create(platform, { imports, providers: [TwiceHandler] });
    await expect(app.app.init()).rejects.toBeInstanceOf(ConfigError);
    await expect(app.close()).resolves.toBeUndefined();
  });

  it('knows whether the router looks at the case of letters', async () => {
    const spec = { imports, controllers: [ShoutingController], providers: [RoomHandler] };
    const app = await NestApp.create(platform, spec);
    if (platform === 'fastify') await expect(app.app.init()).resolves.toBe(app.app);
    else await expect(app.app.init()).rejects.toMatchObject({ code: 'WEBSOCK_ROUTE_ON_PATH' });
  });

  it('allows another method on a declared path', async () => {
    const app = await NestApp.create(platform, {
      imports,
      controllers: [PostController],
      providers: [RoomHandler],
    });
    await expect(app.app.init()).resolves.toBe(app.app);
  });

  it('allows one path in two versions', async () => {
    const app = await NestApp.create(platform, {
      imports,
      providers: [RoomHandler, RoomHandler2],
      setUp: (nest) =>
        nest.enableVersioning({ type: VersioningType.HEADER, header: 'V', defaultVersion: '1' }),
    });
    await expect(app.app.init()).resolves.toBe(app.app);
  });
});
