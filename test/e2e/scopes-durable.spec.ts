import { Controller, Get, Inject, Injectable, Req, Scope } from '@nestjs/common';
import { ContextIdFactory, REQUEST, type ContextIdStrategy, type HostComponentInfo } from '@nestjs/core';
import {
  OnInit,
  push,
  text,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type UpgradableRequest,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';
import { Numbered, Telling, Visit } from '../support/scoped.js';

/** The tenant of a request is a header; all its requests share what is durable. */
class TenantStrategy implements ContextIdStrategy {
  readonly #tenants = new Map<string, { id: number }>();

  attach(contextId: { id: number }, request: { headers: Record<string, string> }) {
    const tenant = String(request.headers['x-tenant']);
    const shared = this.#tenants.get(tenant) ?? { id: Math.random() };
    this.#tenants.set(tenant, shared);
    return {
      resolve: (info: HostComponentInfo) => (info.isTreeDurable ? shared : contextId),
      payload: { tenant },
    };
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class Tenant extends Numbered {
  constructor(@Inject(REQUEST) private readonly payload: { tenant: string }) {
    super();
  }

  get name(): string {
    return `${this.payload.tenant} ${this.number}`;
  }
}

@WebSockHandler('tenant')
class TenantHandler extends Telling {
  constructor(private readonly tenant: Tenant) {
    super();
  }

  protected override tell(): string {
    return `${this.tenant.name} ${this.number}`;
  }
}

@WebSockHandler('durable', { scope: Scope.REQUEST, durable: true })
class DurableHandler extends Telling {}

@WebSockHandler('mixed')
class MixedHandler extends Telling {
  constructor(
    private readonly tenant: Tenant,
    private readonly visit: Visit,
  ) {
    super();
  }

  protected override tell(): string {
    return `${this.tenant.name} ${this.visit.number}`;
  }
}

@Controller()
class TenantController {
  @Get('upgrade')
  live(@Req() request: UpgradableRequest) {
    upgrade(request, TenantHandler);
  }
}

eachPlatform('durable providers on %s', (platform) => {
  // It is of the whole process.
  beforeEach(() => ContextIdFactory.apply(new TenantStrategy()));
  afterEach(async () => {
    ContextIdFactory.apply(undefined as unknown as ContextIdStrategy);
    await closeApps();
  });

  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      controllers: [TenantController],
      providers: [TenantHandler, DurableHandler, MixedHandler, Tenant, Visit],
    });

  it.each(['/tenant', '/durable', '/upgrade'])(
    'and a handler that has only such are of the tenant: %s',
    async (path) => {
      const app = await start();
      const tell = async (tenant: string) =>
        (await app.open(path, { headers: { 'X-Tenant': tenant } })).nextText();
      const [ann, ben, again] = [await tell('ann'), await tell('ben'), await tell('ann')];
      expect(again).toBe(ann);
      expect(ben).not.toBe(ann);
    },
  );

  @Injectable({ scope: Scope.REQUEST, durable: true })
  class Curious {
    constructor(@Inject(REQUEST) readonly request: unknown) {}
  }

  @WebSockHandler('curious')
  class CuriousHandler {
    constructor(private readonly curious: Curious) {}

    @OnInit()
    start() {
      return push(text(typeof this.curious.request), undefined);
    }
  }

  it('never see the request of one of its connections', async () => {
    const shared = ContextIdFactory.create();
    ContextIdFactory.apply({ attach: (own) => (info) => (info.isTreeDurable ? shared : own) });
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [CuriousHandler, Curious],
    });
    expect(await (await app.open('/curious')).nextText()).toBe('undefined');
  });

  it('are of the tenant also in a handler that is of the connection', async () => {
    const app = await start();
    const tell = async (tenant: string) => {
      const client = await app.open('/mixed', { headers: { 'X-Tenant': tenant } });
      return (await client.nextText()).split(' ');
    };
    const [ann, again, ben] = [await tell('ann'), await tell('ann'), await tell('ben')];
    expect(ann.slice(0, 2)).toEqual(again.slice(0, 2));
    expect(ann[2]).not.toBe(again[2]);
    expect([ann[0], ben[0]]).toEqual(['ann', 'ben']);
    expect(ben[1]).not.toBe(ann[1]);
  });
});
