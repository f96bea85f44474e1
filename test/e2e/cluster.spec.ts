import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Cluster,
  Connection,
  OnInfo,
  OnInit,
  ok,
  push,
  PubSub,
  text,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
} from '../../src/index.js';
import { settled } from '../support/fake-clock.js';
import { FakeNetwork } from '../support/fake-network.js';
import { LogLines } from '../support/log-lines.js';
import { bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

class Posted {
  constructor(readonly words: string) {}
}

@WebSockHandler('wall')
class WallHandler {
  @OnInit()
  enter(_argument: unknown, connection: Connection) {
    connection.subscribe('wall');
    return push(text('hello'), null);
  }

  @OnInfo(Posted)
  posted(post: Posted, state: null) {
    return push(text(post.words), state);
  }

  @OnInfo()
  other(_info: unknown, state: null) {
    return ok(state);
  }
}

let network: FakeNetwork;

/** What is between the apps has arrived: the network is in memory. */
async function arrived(): Promise<void> {
  for (let i = 0; i < 10; i++) await settled();
}

beforeEach(() => {
  network = new FakeNetwork();
});
afterEach(closeApps);

eachPlatform('two apps on %s', (platform) => {
  const start = (name: string) =>
    startApp(platform, {
      imports: [WebSockModule.forRoot({ cluster: { engine: network.engine(name) } })],
      providers: [WallHandler],
    });

  it('share topics, with the classes of their messages', async () => {
    const [one, other] = [await start('one'), await start('other')];
    const client = await other.open('/wall');
    expect(await client.nextText()).toBe('hello');
    await other.app.get(PubSub).subscribed('wall');
    one.app.get(PubSub).broadcast('wall', new Posted('from the other app'));
    expect(await client.nextText()).toBe('from the other app');
  });

  it('know each other by Cluster, and when one has gone', async () => {
    const [one, other] = [await start('one'), await start('other')];
    const [here, there] = [one.app.get(Cluster), other.app.get(Cluster)];
    await arrived();
    expect(here.nodes()).toEqual([here.node, there.node]);
    await other.stop();
    await arrived();
    expect(here.nodes()).toEqual([here.node]);
  });

  it('log what the broker and the other node do: once, however much fails meanwhile', async () => {
    const logger = new LogLines();
    const engine = network.engine('one');
    const one = await startApp(platform, {
      imports: [WebSockModule.forRoot({ cluster: { engine } })],
      logger,
    });
    // Without Nest: its lines would be in the same log.
    const other = new WebSockServer({ cluster: { engine: network.engine('other') } });
    await other.start();
    await arrived();
    const { node } = other.cluster;
    engine.publishError = new Error('the broker is full');
    for (let i = 0; i < 50; i++) {
      one.app.get(PubSub).broadcast(`t${i}`, 'my secret');
    }
    await arrived();
    engine.publishError = undefined;
    engine.cut(new Error('ECONNREFUSED'));
    for (let i = 0; i < 50; i++) one.app.get(PubSub).broadcast(`t${i}`, i);
    await arrived();
    engine.restore();
    await arrived();
    await other.close();
    await arrived();
    expect(logger.at('error')).toEqual([expect.stringContaining('the broker is full; 1 message lost')]);
    expect(logger.at('warn')).toEqual([expect.stringContaining('fake is away: ')]);
    expect(logger.at('warn')[0]).toContain('(ECONNREFUSED)');
    expect(logger.at('log').filter((line) => /node|fake/.test(line))).toEqual([
      `node ${node} is up`,
      expect.stringMatching(/^fake is back after \d+ ms; 50 messages did not leave meanwhile$/),
      `node ${node} has stopped`,
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain('my secret');
  });

  it('do not boot with options that are no good', async () => {
    const engine = network.engine('one');
    const fault = async (cluster: object) =>
      String(await bootError(platform, { imports: [WebSockModule.forRoot({ cluster: cluster as never })] }));
    expect(await fault({})).toContain('cluster.engine is missing: an engine, such as redis({ client })');
    expect(await fault({ engine: {} })).toContain(
      'cluster.engine must be an engine, such as redis({ client })',
    );
    expect(await fault({ engine, heartbeat: 0 })).toContain(
      'cluster.heartbeat must be a whole number of milliseconds',
    );
    expect(await fault({ engine, heartbeat: 5_000, nodeTimeout: 5_000 })).toContain(
      'cluster.heartbeat (5000 ms) must be below cluster.nodeTimeout (5000 ms)',
    );
    expect(await fault({ engine, codec: {} })).toContain(
      'cluster.codec must be an object with the functions',
    );
    expect(await fault({ engine, onError: 1 })).toContain('cluster.onError must be a function');
    expect(await fault({ engine, beat: 1 })).toContain(
      'unknown option cluster.beat; known are engine, heartbeat, nodeTimeout, codec, onError',
    );
  });

  it('boot and serve while the broker is away', async () => {
    const engine = network.engine('one');
    engine.cut();
    const one = await startApp(platform, {
      imports: [WebSockModule.forRoot({ cluster: { engine } })],
      providers: [WallHandler],
    });
    const client = await one.open('/wall');
    expect(await client.nextText()).toBe('hello');
    one.app.get(PubSub).broadcast('wall', new Posted('locally'));
    expect(await client.nextText()).toBe('locally');
    expect(await one.app.get(Cluster).isHealthy()).toBe(false);
  });
});

describe('an app without an HTTP server', () => {
  it('broadcasts to the connections of others', async () => {
    const web = await startApp('express', {
      imports: [WebSockModule.forRoot({ cluster: { engine: network.engine('web') } })],
      providers: [WallHandler],
    });
    const client = await web.open('/wall');
    expect(await client.nextText()).toBe('hello');
    await web.app.get(PubSub).subscribed('wall');
    const worker = await Test.createTestingModule({
      imports: [WebSockModule.forRoot({ cluster: { engine: network.engine('worker') } })],
    }).compile();
    await worker.init();
    worker.get(PubSub).broadcast('wall', new Posted('from the worker'));
    expect(await client.nextText()).toBe('from the worker');
    await worker.close();
  });
});

describe('an app without the option', () => {
  it('is a healthy cluster of one', async () => {
    const { app } = await startApp('express', { imports: [WebSockModule] });
    const cluster = app.get(Cluster);
    expect(cluster.nodes()).toEqual([cluster.node]);
    expect(await cluster.isHealthy()).toBe(true);
  });
});

const terminus = await import('@nestjs/terminus').then(
  (module) => module,
  // Terminus 12 is for Nest 12, and has only ES modules that need it.
  () => undefined,
);

(terminus === undefined ? describe.skip : describe)('with @nestjs/terminus', () => {
  it('is an indicator of health', async () => {
    const { HealthCheckService, HealthIndicatorService, TerminusModule } = terminus!;

    @Injectable()
    class BrokerHealth {
      constructor(
        private readonly cluster: Cluster,
        private readonly indicators: InstanceType<typeof HealthIndicatorService>,
      ) {}

      async check() {
        const indicator = this.indicators.check('broker');
        return (await this.cluster.isHealthy())
          ? indicator.up({ nodes: this.cluster.nodes().length })
          : indicator.down();
      }
    }
    // The classes are imported when the test runs: decorators cannot note their types.
    Reflect.defineMetadata('design:paramtypes', [Cluster, HealthIndicatorService], BrokerHealth);

    @Controller('health')
    class HealthController {
      constructor(
        private readonly health: InstanceType<typeof HealthCheckService>,
        private readonly broker: BrokerHealth,
      ) {}

      @Get()
      check() {
        return this.health.check([() => this.broker.check()]);
      }
    }
    Reflect.defineMetadata('design:paramtypes', [HealthCheckService, BrokerHealth], HealthController);

    @Module({
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [BrokerHealth],
    })
    class HealthModule {}

    const engine = network.engine('one');
    const app = await startApp('express', {
      imports: [WebSockModule.forRoot({ cluster: { engine } }), HealthModule as Type],
    });
    const up = await app.fetch('/health');
    expect([up.status, await up.json()]).toMatchObject([
      200,
      { details: { broker: { status: 'up', nodes: 1 } } },
    ]);
    engine.cut();
    const down = await app.fetch('/health');
    expect([down.status, await down.json()]).toMatchObject([
      503,
      { details: { broker: { status: 'down' } } },
    ]);
  });
});
