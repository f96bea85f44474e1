import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Broker, canKill } from '../support/brokers.js';
import { ClusterNode } from '../support/cluster-node.js';

jest.setTimeout(90_000);

describe.each(['redis', 'nats'] as const)('nodes over %s', (kind) => {
  let broker: Broker;
  let [a, b, c]: ClusterNode[] = [];

  beforeAll(async () => {
    broker = await Broker.start(kind);
    [a, b, c] = await Promise.all([1, 2, 3].map(() => ClusterNode.start(broker.url)));
    for (const node of [a!, b!, c!]) for (let i = 0; i < 2; i += 1) await node.next('node.up');
  });

  afterAll(async () => {
    await Promise.all([a, b, c].map((node) => node?.kill()));
    await broker?.stop();
  });

  /** A connection on each of two nodes, subscribed to the topic. */
  async function pair(topic: string, options?: { gaps: boolean }): Promise<[string, string]> {
    const refs: [string, string] = [await a!.ask('connect'), await b!.ask('connect')];
    await Promise.all([
      a!.ask('subscribe', refs[0], topic, options),
      b!.ask('subscribe', refs[1], topic, options),
    ]);
    return refs;
  }

  it('know each other, and are healthy', async () => {
    const names = [a!, b!, c!].map(({ name }) => name).sort();
    for (const node of [a!, b!, c!]) {
      expect((await node.ask('nodes')).sort()).toEqual(names);
      expect(await node.ask('isHealthy')).toBe(true);
    }
  });

  it('get what is broadcast on any of them, once', async () => {
    const [onA, onB] = await pair('news');
    for (const [i, node] of [a!, b!, c!].entries()) await node.ask('broadcast', 'news', `from ${i}`);
    for (const [node, ref] of [
      [a!, onA],
      [b!, onB],
    ] as const) {
      const got = [await node.nextInfo(ref), await node.nextInfo(ref), await node.nextInfo(ref)];
      expect(got.sort()).toEqual([0, 1, 2].map((i) => ['info', `from ${i}`]));
    }
    await a!.ask('broadcastFrom', onB, 'news', 'not to B');
    await a!.ask('broadcast', 'news', 'to all');
    expect(await a!.nextInfo(onA)).toEqual(['info', 'not to B']);
    expect(await b!.nextInfo(onB)).toEqual(['info', 'to all']);
  });

  it('keep dates, maps, sets, big integers, buffers, undefined and the like', async () => {
    const [, onB] = await pair('values');
    const value = {
      date: new Date(1_234),
      map: new Map([['a', new Set([1, 2])]]),
      big: 12_345_678_901_234_567_890n,
      buffer: Buffer.from([0, 255]),
      nothing: undefined,
      list: [undefined, null, -0, NaN, Infinity, 'ü'],
    };
    await a!.ask('broadcast', 'values', value);
    const [, got] = (await b!.nextInfo(onB)) as [string, typeof value];
    expect(got).toEqual(value);
    expect(Object.keys(got)).toEqual(Object.keys(value));
    expect(Object.is(got.list[2], -0)).toBe(true);
    expect(Buffer.isBuffer(got.buffer)).toBe(true);
  });

  it('match @OnInfo(Class) as if it were local', async () => {
    const [onA, onB] = await pair('posts');
    await a!.ask('broadcast', 'posts', 'posted');
    for (const [node, ref] of [
      [a!, onA],
      [b!, onB],
    ] as const) {
      expect(await node.nextInfo(ref)).toEqual(['posted', 'Joe at 1970-01-01T00:00:00.000Z']);
    }
    await a!.ask('sendInfo', onB, 'posted');
    expect(await b!.nextInfo(onB)).toEqual(['posted', 'Joe at 1970-01-01T00:00:00.000Z']);
  });

  it('tell the sender of what cannot be encoded, and deliver it to nobody', async () => {
    const [onA, onB] = await pair('bad');
    const failure = { code: 'WEBSOCK_INFO_ENCODE' };
    await expect(a!.ask('broadcast', 'bad', 'function')).rejects.toMatchObject(failure);
    await expect(a!.ask('sendInfo', onB, 'function')).rejects.toMatchObject(failure);
    await a!.ask('broadcast', 'bad', 'good');
    expect(await a!.nextInfo(onA)).toEqual(['info', 'good']);
    expect(await b!.nextInfo(onB)).toEqual(['info', 'good']);
  });

  it('reach a connection of another by its reference', async () => {
    const [, onB] = await pair('refs');
    await a!.ask('sendInfo', onB, 'hello');
    expect(await b!.nextInfo(onB)).toEqual(['info', 'hello']);
    expect(await a!.ask('call', onB, ['ask', new Date(5)], 5_000)).toEqual(['answer', new Date(5)]);
    await expect(a!.ask('call', onB, 'no reply to this', 5_000)).rejects.toMatchObject({
      name: 'NoReplyError',
    });
    await expect(a!.ask('call', `${b!.name}.9999`, 'x', 5_000)).rejects.toMatchObject({
      name: 'UnknownRefError',
    });
    await expect(a!.ask('call', 'nobody.1', 'x', 5_000)).rejects.toMatchObject({ name: 'UnknownRefError' });
  });

  it('monitor connections of each other', async () => {
    const [onA, onB] = await pair('monitors');
    await a!.ask('monitor', onA, onB);
    await a!.ask('monitor', onA, `${b!.name}.9999`);
    expect(await a!.nextInfo(onA)).toEqual(['info', ['down', `${b!.name}.9999`, 'noproc']]);
    await a!.ask('sendInfo', onB, 'stop');
    expect(await a!.nextInfo(onA)).toEqual(['info', ['down', onB, 'normal']]);
  });

  (canKill(kind) ? it : it.skip)(
    'go on alone while the broker is away, and together when it is back',
    async () => {
      const [onA, onB] = await pair('outage', { gaps: true });
      await a!.ask('broadcast', 'outage', 'before');
      expect(await a!.nextInfo(onA)).toEqual(['info', 'before']);
      expect(await b!.nextInfo(onB)).toEqual(['info', 'before']);
      const before = b!.allOf('pubsub.gap').length;

      await broker.kill();
      await Promise.all([a!, b!, c!].map((node) => node.next('lost')));
      expect(await a!.ask('isHealthy')).toBe(false);
      for (let i = 0; i < 5; i += 1) {
        await a!.ask('broadcast', 'outage', i);
        expect(await a!.nextInfo(onA)).toEqual(['info', i]);
      }
      await broker.start();
      await Promise.all([a!, b!, c!].map((node) => node.next('restored')));
      expect(await b!.nextInfo(onB)).toEqual(['info', ['gap', 'outage']]);
      await a!.ask('broadcast', 'outage', 'after');
      expect(await b!.nextInfo(onB)).toEqual(['info', 'after']);
      const gaps = b!.allOf('pubsub.gap').slice(before) as [{ topic: string; node: string; lost: number }][];
      expect(gaps.map(([gap]) => gap).filter(({ topic }) => topic === 'outage')).toEqual([
        expect.objectContaining({ node: a!.name, lost: 5 }),
      ]);
      expect(await a!.ask('isHealthy')).toBe(true);
    },
  );

  it('notice that one of them was killed', async () => {
    const watcher = await a!.ask('connect');
    const onC = await c!.ask('connect');
    await a!.ask('monitor', watcher, onC);
    const called = a!.ask('call', onC, 'wait', 20_000);
    called.catch(() => {});
    expect(await c!.nextInfo(onC)).toEqual(['info', 'wait']);
    await c!.kill();
    await expect(called).rejects.toMatchObject({ name: 'ConnectionEndedError' });
    // Behind the gap and the like, if it was subscribed to anything.
    expect(await a!.nextInfo(watcher)).toEqual(['info', ['down', onC, 'noconnection']]);
    expect(await a!.next('node.down')).toEqual([
      expect.objectContaining({ node: c!.name, reason: 'silent' }),
    ]);
    expect((await a!.ask('nodes')).sort()).toEqual([a!.name, b!.name].sort());
  });
});
