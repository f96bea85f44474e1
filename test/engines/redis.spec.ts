import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { ConfigError, EngineError } from '../../src/core.js';
import { redis, type Engine, type RedisEngineOptions } from '../../src/redis.js';
import { Broker, canStart } from '../support/brokers.js';
import { EngineLog } from './engine-log.js';

// Where REDIS_URL is all there is, these cases are skipped: they need servers with settings of their own.
const suite = canStart('redis') ? describe : describe.skip;
const broker = await Broker.start('redis', ...(canStart('redis') ? ['--hz', '10'] : []));
const user = new Redis(broker.url, { lazyConnect: true });
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(async () => {
  user.disconnect();
  await broker.stop();
});

const lazy = (url = broker.url) => new Redis(url, { lazyConnect: true, retryStrategy: () => 20 });

async function start(options: Partial<RedisEngineOptions> = {}): Promise<{ engine: Engine; log: EngineLog }> {
  const engine = redis({ client: lazy(), ...options });
  const log = new EngineLog(engine);
  await engine.start(log);
  stops.push(() => engine.stop());
  return { engine, log };
}

suite('redis(): the client', () => {
  it.each([
    ['nothing', undefined],
    ['a string', 'redis://localhost'],
    ['an object without duplicate()', { status: 'ready', pipeline() {}, ssubscribe() {} }],
    ['a cluster of ioredis', new Cluster([], { lazyConnect: true })],
    ['a cluster of node-redis', createCluster({ rootNodes: [] })],
    ['a pool of node-redis', createClientPool()],
    [
      'a sentinel of node-redis',
      createSentinel({ name: 'main', sentinelRootNodes: [{ host: 'a', port: 1 }] }),
    ],
  ])('is refused at boot when it is %s, with what to give instead', (_, client) => {
    const wrong = () => redis({ client: client as never });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(
      'redis(): client must be a client of ioredis (new Redis()) or node-redis (createClient()) for one server; for a Redis Cluster one of any of its nodes, which passes on to the others',
    );
    if (client === undefined) return;
    expect(() => redis({ client: lazy(), subscriber: client as never })).toThrow(
      'redis(): subscriber must be',
    );
  });

  it('has settings that are checked at boot as well', () => {
    expect(() => redis({ client: lazy(), prefix: 7 as never })).toThrow('prefix must be a string');
    expect(() => redis({ client: lazy(), sharded: 'yes' as never })).toThrow('sharded must be');
  });

  it('is not touched: only its settings are used', async () => {
    const client = lazy();
    const { engine } = await start({ client });
    await engine.subscribe('a');
    await engine.publish('a', Buffer.from('b'));
    expect(client.status).toBe('wait');
  });

  it('may be another for the connection that subscribes', async () => {
    const named = new Redis(broker.url, { lazyConnect: true, connectionName: 'listening' });
    const { engine } = await start({ subscriber: named });
    await engine.subscribe('a');
    const clients = String(await user.client('LIST'));
    expect(clients.match(/name=listening .* (sub|ssub)=1/g)).toHaveLength(1);
  });

  it('of node-redis may lose its broker without a listener to its errors', async () => {
    const own = await Broker.start('redis', '--hz', '10');
    stops.push(() => own.stop());
    const client = createClient({ url: own.url, socket: { reconnectStrategy: 20 } });
    await client.connect();
    const { log } = await start({ client });
    const noticed = new Promise((resolve) => client.once('reconnecting', resolve));
    await own.kill();
    await log.events.next();
    await noticed;
    client.destroy();
  });

  it('may have a strategy that gives up: the engine does not', async () => {
    const own = await Broker.start('redis', '--hz', '10');
    stops.push(() => own.stop());
    const client = new Redis(own.url, { lazyConnect: true, retryStrategy: () => null });
    const { log } = await start({ client });
    await own.kill();
    expect(await log.events.next()).toEqual(['lost', expect.any(EngineError)]);
    await own.start();
    expect(await log.events.next()).toEqual(['restored']);
  });
});

suite('redis(): sharded', () => {
  const channels = async (command: 'CHANNELS' | 'SHARDCHANNELS', prefix: string) =>
    ((await user.call('PUBSUB', command, `${prefix}*`)) as string[]).sort();

  it.each([
    ['auto', 'SHARDCHANNELS', 'CHANNELS'],
    [true, 'SHARDCHANNELS', 'CHANNELS'],
    [false, 'CHANNELS', 'SHARDCHANNELS'],
  ] as const)('%s uses %s, not %s, of a Redis 7', async (sharded, used, unused) => {
    const prefix = `sharded-${sharded}:`;
    const { engine, log } = await start({ sharded, prefix });
    await engine.subscribe('a');
    expect(await channels(used, prefix)).toEqual([`${prefix}a`]);
    expect(await channels(unused, prefix)).toEqual([]);
    await engine.publish('a', Buffer.from('b'));
    await log.on('a').next();
    await engine.unsubscribe('a');
    await engine.subscribe('b');
    expect(await channels(used, prefix)).toEqual([`${prefix}b`]);
  });

  it('auto uses neither at a node of a Redis Cluster, whose other nodes would not hear it', async () => {
    const own = await Broker.start('redis', '--cluster-enabled', 'yes');
    stops.push(() => own.stop());
    const { engine, log } = await start({ client: lazy(own.url) });
    // No slot has been assigned: SSUBSCRIBE would be refused.
    await engine.subscribe('a');
    await engine.publish('a', Buffer.from('b'));
    await log.on('a').next();
  });

  it('is what the server can do, or the subscription is refused', async () => {
    const own = await Broker.start('redis', '--cluster-enabled', 'yes');
    stops.push(() => own.stop());
    const { engine } = await start({ client: lazy(own.url), sharded: true });
    const refused: unknown = await engine.subscribe('a').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(EngineError);
    expect(refused).toMatchObject({
      stage: 'subscribe',
      message: 'Redis refused the channel "websock:a"',
      cause: expect.objectContaining({ message: expect.stringContaining('CLUSTERDOWN') }),
    });
  });
});

suite('redis(): what Redis refuses', () => {
  it('does not harm the other channels, and comes back as an error', async () => {
    await user.acl('SETUSER', 'limited', 'on', '>secret', '+@all', 'resetchannels', '&allowed:*');
    const url = broker.url.replace('//', '//limited:secret@');
    const { engine, log } = await start({ client: lazy(url), prefix: '' });
    const results = await Promise.allSettled(
      ['allowed:a', 'forbidden', 'allowed:b'].map((channel) => engine.subscribe(channel)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(engine.subscribe('forbidden')).rejects.toMatchObject({ stage: 'subscribe' });
    const published = await Promise.allSettled(
      ['allowed:a', 'forbidden', 'allowed:b'].map((channel) => engine.publish(channel, Buffer.from('x'))),
    );
    expect(published.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((published[1] as PromiseRejectedResult).reason).toMatchObject({
      stage: 'publish',
      cause: expect.objectContaining({ message: expect.stringContaining('NOPERM') }),
    });
    for (const channel of ['allowed:a', 'allowed:b']) await log.on(channel).next();
    expect(log.events.all).toEqual([]);
  });

  it('a wrong password is a broker that is away, with the reason', async () => {
    const { log } = await start({ client: lazy(broker.url.replace('//', '//nobody:wrong@')) });
    const [, error] = (await log.events.next()) as ['lost', EngineError];
    expect(String((error.cause as Error).message)).toContain('WRONGPASS');
  });

  it('packets that it does not take in time are refused before they fill the memory', async () => {
    const own = await Broker.start('redis', '--hz', '10');
    stops.push(() => own.stop());
    const { engine } = await start({ client: lazy(own.url) });
    own.pause();
    const megabyte = Buffer.alloc(1_048_576);
    const published = Array.from({ length: 80 }, () => engine.publish('a', megabyte));
    await expect(published.at(-1)).rejects.toThrow('Redis does not keep up: 64 MiB wait for its answer');
    own.resume();
    const results = await Promise.allSettled(published);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
    await engine.publish('a', megabyte);
  });
});
