import {
  Inject,
  Injectable,
  Module,
  Param,
  Req,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD, REQUEST, RouterModule } from '@nestjs/core';
import {
  Connections,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  push,
  reply,
  text,
  WebSockHandler,
  WebSockModule,
  type Connection,
  type ConnectionRef,
  type DataMessage,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { closeApps, eachPlatform, startApp, type AppSpec } from '../support/nest.js';
import { Numbered, Telling, Visit } from '../support/scoped.js';

@WebSockHandler('handler')
class SingletonHandler extends Telling {}

@WebSockHandler('handler')
@Injectable({ scope: Scope.REQUEST })
class InjectableScopeHandler extends Telling {}

@Injectable({ scope: Scope.REQUEST })
@WebSockHandler('handler')
class InjectableAboveHandler extends Telling {}

@WebSockHandler({ path: 'handler', scope: Scope.REQUEST })
class OwnScopeHandler extends Telling {}

@WebSockHandler('handler', { scope: Scope.REQUEST })
class ExtendingHandler extends SingletonHandler {}

@WebSockHandler('handler')
class InheritingHandler extends InjectableScopeHandler {}

@WebSockHandler('handler', { scope: Scope.TRANSIENT })
class TransientHandler extends Telling {}

@WebSockHandler('handler')
class VisitHandler extends Telling {
  constructor(private readonly visit: Visit) {
    super();
  }

  protected override tell(): string {
    return String(this.visit.number);
  }
}

@Injectable()
class VisitService {
  constructor(readonly visit: Visit) {}
}

@WebSockHandler('handler')
class DeepHandler extends Telling {
  constructor(private readonly service: VisitService) {
    super();
  }

  protected override tell(): string {
    return String(this.service.visit.number);
  }
}

const PER_CONNECTION: [what: string, handler: new (...args: any[]) => object][] = [
  ['@Injectable({ scope })', InjectableScopeHandler],
  ['@Injectable({ scope }) above', InjectableAboveHandler],
  ['@WebSockHandler({ scope })', OwnScopeHandler],
  ['@WebSockHandler({ scope }) on a subclass of a singleton', ExtendingHandler],
  ['@Injectable({ scope }) on the class that it extends', InheritingHandler],
  ['Scope.TRANSIENT', TransientHandler],
  ['a request-scoped provider', VisitHandler],
  ['a service that has one', DeepHandler],
];

@WebSockHandler('stays', { scope: Scope.REQUEST })
@Injectable({ scope: Scope.DEFAULT })
class StayingHandler extends Telling {}

eachPlatform('a handler with a scope on %s', (platform) => {
  const start = (spec: AppSpec) =>
    startApp(platform, { ...spec, imports: [WebSockModule, ...(spec.imports ?? [])] });

  afterEach(closeApps);

  it.each(PER_CONNECTION)('has an instance of its own per connection by %s', async (_what, handler) => {
    const app = await start({ providers: [handler, Visit, VisitService] });
    const [ann, ben] = [await app.open('/handler'), await app.open('/handler')];
    const [ofAnn, ofBen] = [await ann.nextText(), await ben.nextText()];
    expect(ofAnn).not.toBe(ofBen);
    for (const client of [ann, ben]) client.text('who?');
    expect([await ann.nextText(), await ben.nextText()]).toEqual([ofAnn, ofBen]);
  });

  it('has one for all otherwise, also where @Injectable({ scope }) says so', async () => {
    const app = await start({ providers: [SingletonHandler, StayingHandler] });
    for (const path of ['/handler', '/stays'])
      expect(await (await app.open(path)).nextText()).toBe(await (await app.open(path)).nextText());
  });

  @WebSockHandler('asking/:id')
  class AskingHandler {
    constructor(@Inject(REQUEST) private readonly request: { params: { id: string } }) {}

    @OnInit()
    start() {
      return push(text(this.request.params.id), undefined);
    }
  }

  it('injects the upgrade request', async () => {
    const app = await start({ providers: [AskingHandler] });
    expect(await (await app.open('/asking/7')).nextText()).toBe('7');
    expect(await (await app.open('/asking/8')).nextText()).toBe('8');
  });

  @Injectable()
  class VisitGuard implements CanActivate {
    constructor(private readonly visit: Visit) {}

    canActivate(): boolean {
      return this.visit.seenBy.push('guard') > 0;
    }
  }

  @Injectable()
  class VisitPipe implements PipeTransform {
    constructor(private readonly visit: Visit) {}

    transform(value: string): string {
      this.visit.seenBy.push('pipe');
      return value;
    }
  }

  const terminated = new Log<string>();

  @WebSockHandler('visits/:id')
  @UseGuards(VisitGuard)
  class VisitedHandler extends Numbered {
    private readonly numbers: number[] = [];

    constructor(private readonly visit: Visit) {
      super();
    }

    @OnUpgrade()
    admit(@Param('id', VisitPipe) id: string) {
      this.see('upgrade');
      return id;
    }

    @OnInit()
    start(id: string, connection: Connection) {
      this.see('init');
      return push(text(connection.ref), id);
    }

    @OnIn()
    say(_message: DataMessage, id: string) {
      this.see('in');
      return push(text(this.visit.seenBy.join()), id);
    }

    @OnInfo()
    told(_message: unknown, id: string) {
      this.see('info');
      return reply(this.number, [], id);
    }

    @OnTerminate()
    left() {
      this.see('terminate');
      terminated.add(`${this.visit.seenBy.join()} ${new Set(this.numbers).size}`);
    }

    private see(callback: string): void {
      this.visit.seenBy.push(callback);
      this.numbers.push(this.number);
    }
  }

  it('shares its providers with the guards and pipes of the upgrade, and has one instance from there to the end', async () => {
    const app = await start({ providers: [VisitedHandler, Visit] });
    const client = await app.open('/visits/7');
    const ref = (await client.nextText()) as ConnectionRef;
    client.text('x');
    expect(await client.nextText()).toBe('guard,pipe,upgrade,init,in');
    expect(await app.app.get(Connections).call(ref, 'who?')).toEqual(expect.any(Number));
    client.close(1000);
    expect(await terminated.next()).toBe('guard,pipe,upgrade,init,in,info,terminate 1');
  });

  @Injectable({ scope: Scope.REQUEST })
  class GlobalGuard implements CanActivate {
    constructor(private readonly visit: Visit) {}

    canActivate(): boolean {
      return this.visit.seenBy.push('global') > 0;
    }
  }

  it('shares them with a global guard that has a scope', async () => {
    const app = await start({
      providers: [VisitedHandler, Visit, { provide: APP_GUARD, useClass: GlobalGuard }],
    });
    const client = await app.open('/visits/7');
    await client.nextText();
    client.text('x');
    expect(await client.nextText()).toBe('global,guard,pipe,upgrade,init,in');
  });

  @Injectable()
  class Singleton {
    readonly name = 'made';
  }

  @Injectable({ scope: Scope.TRANSIENT })
  class TransientGuard extends Numbered implements CanActivate {
    constructor(private readonly singleton: Singleton) {
      super();
    }

    canActivate(context: ExecutionContext): boolean {
      context.switchToHttp().getRequest<{ guard: string }>().guard = `${this.singleton.name} ${this.number}`;
      return true;
    }
  }

  @WebSockHandler('handler')
  @UseGuards(TransientGuard)
  class TransientlyGuardedHandler extends Numbered {
    @OnUpgrade()
    admit(@Req() request: { guard: string }) {
      return `${this.number} ${request.guard}`;
    }

    @OnInit()
    start(admitted: string) {
      return push(text(admitted), undefined);
    }
  }

  it('is no condition for a transient guard', async () => {
    const app = await start({ providers: [TransientlyGuardedHandler, Singleton] });
    const tell = async () => (await (await app.open('/handler')).nextText()).split(' ');
    const [first, second] = [await tell(), await tell()];
    expect([first[1], second[1]]).toEqual(['made', 'made']);
    expect(first[0]).toBe(second[0]);
    expect(first[2]).not.toBe(second[2]);
  });

  @WebSockHandler('room', { scope: Scope.REQUEST })
  class RoomHandler {
    constructor(@Inject('name') private readonly name: string) {}

    @OnInit()
    start() {
      return push(text(this.name), undefined);
    }
  }

  const room = (name: string) => [RoomHandler, { provide: 'name', useValue: name }];

  @Module({ imports: [WebSockModule], providers: room('first') })
  class FirstModule {}

  @Module({ imports: [WebSockModule], providers: room('second') })
  class SecondModule {}

  it('has the providers of the module that it is provided by', async () => {
    const routes = [
      { path: 'one', module: FirstModule },
      { path: 'two', module: SecondModule },
    ];
    const app = await start({ imports: [FirstModule, SecondModule, RouterModule.register(routes)] });
    expect(await (await app.open('/one/room')).nextText()).toBe('first');
    expect(await (await app.open('/two/room')).nextText()).toBe('second');
  });

  @WebSockHandler('failing', { scope: Scope.REQUEST })
  class FailingHandler extends Telling {
    constructor() {
      super();
      throw new Error('no instance');
    }
  }

  it('whose constructor throws is a 500 before any 101', async () => {
    const app = await start({ providers: [FailingHandler] });
    const client = await app.open('/failing');
    expect([client.status, await client.ended()]).toEqual([500, 'fin']);
  });

  it('is not made for a request that its guards refuse', async () => {
    @UseGuards({ canActivate: () => false })
    @WebSockHandler('refused', { scope: Scope.REQUEST })
    class RefusedHandler extends Telling {}

    const app = await start({ providers: [RefusedHandler] });
    const { number } = new Numbered();
    expect((await app.open('/refused')).status).toBe(403);
    expect(new Numbered().number).toBe(number + 1);
  });

  it('may come from a factory', async () => {
    const factory = {
      provide: OwnScopeHandler,
      scope: Scope.REQUEST,
      inject: [Visit],
      useFactory: async (visit: Visit) => ({
        handleIn: (_: DataMessage, s: unknown) => push(text(`f${visit.number}`), s),
      }),
    };
    const app = await start({ providers: [factory, Visit] });
    const tell = async () => {
      const client = await app.open('/handler');
      client.text('who?');
      return client.nextText();
    };
    expect(await tell()).not.toBe(await tell());
  });

  it('can be overridden', async () => {
    const fake = { handleIn: (_: DataMessage, state: unknown) => push(text('fake'), state) };
    const app = await start({
      providers: [OwnScopeHandler],
      override: (builder) => builder.overrideProvider(OwnScopeHandler).useValue(fake),
    });
    const client = await app.open('/handler');
    client.text('who?');
    expect(await client.nextText()).toBe('fake');
  });
});
