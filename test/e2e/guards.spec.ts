import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Scope,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, REQUEST, Reflector } from '@nestjs/core';
import { OnIn, OnUpgrade, push, type DataMessage, WebSockHandler, WebSockModule } from '../../src/index.js';
import { Gate, Log } from '../support/log.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

interface HttpRequest {
  headers: Record<string, string | undefined>;
}

@Injectable()
class Users {
  find(token: string | undefined) {
    return token === undefined ? undefined : { name: token, isAdmin: token === 'admin' };
  }
}

/** 401 without a token, 403 where the handler asks for an admin. */
@Injectable()
class TokenGuard implements CanActivate {
  constructor(
    private readonly users: Users,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const user = this.users.find(context.switchToHttp().getRequest<HttpRequest>().headers.authorization);
    if (user === undefined) throw new UnauthorizedException();
    const needsAdmin = this.reflector.get<boolean>('admin', context.getClass());
    return needsAdmin !== true || user.isAdmin;
  }
}

class Echo {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('guarded')
@SetMetadata('admin', true)
@UseGuards(TokenGuard)
class GuardedHandler extends Echo {}

@WebSockHandler('open')
class OpenHandler extends Echo {}

@Injectable({ scope: Scope.REQUEST })
class RequestGuard implements CanActivate {
  constructor(@Inject(REQUEST) private readonly request: HttpRequest) {}

  canActivate(): boolean {
    return this.request.headers.authorization !== undefined;
  }
}

const withToken = (token: string) => ({ headers: { Authorization: token } });

eachPlatform('guards on %s', (platform) => {
  const imports = [WebSockModule];

  afterEach(closeApps);

  it('of the class run on the upgrade, with the metadata of the class', async () => {
    const app = await startApp(platform, { imports, providers: [Users, GuardedHandler] });
    const stranger = await app.open('/guarded');
    expect(stranger.status).toBe(401);
    expect(await stranger.ended()).toBe('fin');
    expect((await app.open('/guarded', withToken('ann'))).status).toBe(403);
    expect((await app.open('/guarded', withToken('admin'))).status).toBe(101);
  });

  it('run before the 426 of a plain GET', async () => {
    const app = await startApp(platform, { imports, providers: [Users, GuardedHandler] });
    expect((await app.fetch('/guarded')).status).toBe(401);
    expect((await app.fetch('/guarded', withToken('admin'))).status).toBe(426);
  });

  it('set up globally run on the upgrade', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [Users, OpenHandler, { provide: APP_GUARD, useClass: TokenGuard }],
    });
    expect((await app.open('/open')).status).toBe(401);
    expect((await app.open('/open', withToken('ann'))).status).toBe(101);
  });

  it('given to useGlobalGuards() run on the upgrade', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [OpenHandler],
      setUp: (nest) => nest.useGlobalGuards({ canActivate: () => false }),
    });
    expect((await app.open('/open')).status).toBe(403);
  });

  it('set up globally and request-scoped run on the upgrade', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [OpenHandler, { provide: APP_GUARD, useClass: RequestGuard }],
    });
    expect((await app.open('/open')).status).toBe(403);
    const client = await app.open('/open', withToken('ann'));
    client.text('x');
    expect(await client.nextText()).toBe('x');
  });

  it('can be overridden in a testing module', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [Users, GuardedHandler],
      override: (builder) => builder.overrideGuard(TokenGuard).useValue({ canActivate: () => true }),
    });
    expect((await app.open('/guarded')).status).toBe(101);
  });

  it('that Nest would leave out, on a custom provider, are a boot error', async () => {
    const custom = { provide: GuardedHandler, useFactory: () => new GuardedHandler() };
    const error = await bootError(platform, { imports, providers: [Users, custom] });
    expect(error).toMatchObject({ code: 'WEBSOCK_NOT_A_HANDLER' });
    expect(String(error)).toContain('TokenGuard');
  });

  it('do not run for messages', async () => {
    let calls = 0;
    const app = await startApp(platform, {
      imports,
      providers: [OpenHandler],
      setUp: (nest) => nest.useGlobalGuards({ canActivate: () => ++calls > 0 }),
    });
    const client = await app.open('/open');
    client.text('x');
    await client.nextText();
    expect(calls).toBe(1);
  });

  describe('that do not come back', () => {
    const gates: Gate[] = [];
    let guardEntered = new Log<undefined>();

    beforeEach(() => (guardEntered = new Log()));

    @Injectable()
    class HungGuard implements CanActivate {
      async canActivate(): Promise<boolean> {
        const gate = new Gate();
        gates.push(gate);
        guardEntered.add(undefined);
        await gate.passed;
        return true;
      }
    }

    const admitted = new Log<string>();

    @WebSockHandler('hung', { upgradeTimeout: 50 })
    @UseGuards(HungGuard)
    class HungHandler extends Echo {
      @OnUpgrade()
      admit() {
        admitted.add('admitted');
      }
    }

    @Controller()
    class OtherController {
      @Get('other')
      @UseGuards(HungGuard)
      other() {
        return 'other';
      }
    }

    afterEach(() => gates.splice(0).forEach((gate) => gate.open()));

    it("are bounded by the handler's upgradeTimeout: 503", async () => {
      const app = await startApp(platform, {
        imports,
        controllers: [OtherController],
        providers: [HungHandler],
      });
      const client = await app.open('/hung');
      expect(client.status).toBe(503);
      expect(client.body).toContain('50 ms');
      expect(await client.ended()).toBe('fin');
    });

    it('decide nothing when they do in the end', async () => {
      const errors: unknown[] = [];
      const app = await startApp(platform, {
        imports,
        providers: [HungHandler],
        logger: { log() {}, warn() {}, error: (...line: unknown[]) => errors.push(line) },
      });
      expect((await app.open('/hung')).status).toBe(503);
      gates.splice(0).forEach((gate) => gate.open());
      // A second round trip: the first request has been through the app by then.
      expect((await app.open('/hung')).status).toBe(503);
      expect(admitted.all).toEqual([]);
      expect(errors).toEqual([]);
    });

    it("are bounded by the module's upgradeTimeout where they are global", async () => {
      const app = await startApp(platform, {
        imports: [WebSockModule.forRoot({ upgradeTimeout: 50 })],
        providers: [OpenHandler, { provide: APP_GUARD, useClass: HungGuard }],
      });
      expect((await app.open('/open')).status).toBe(503);
    });

    it('end quietly when the client goes away', async () => {
      const errors: unknown[] = [];
      const app = await startApp(platform, {
        imports,
        providers: [HungHandler],
        logger: { log() {}, warn() {}, error: (...line: unknown[]) => errors.push(line) },
      });
      const entered = guardEntered.next();
      const client = await RawClient.dial(app.port);
      client.write(requestBytes({ path: '/hung' }));
      await entered;
      client.reset();
      // The server has read the reset when it has answered a request that came after it.
      expect((await app.open('/open')).status).toBe(404);
      gates.splice(0).forEach((gate) => gate.open());
      expect((await app.open('/open')).status).toBe(404);
      expect(admitted.all).toEqual([]);
      expect(errors).toEqual([]);
    });
  });
});
