import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { ClusterNodes, type TestNode } from '../../test/support/fake-cluster.js';
import { fakeApp } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import { ok, reply, stop } from '../websock/result.js';

let cluster: ClusterNodes;
let a: TestNode;
let b: TestNode;

beforeEach(async () => {
  cluster = new ClusterNodes();
  a = await cluster.start();
  b = await cluster.start();
});

afterEach(async () => {
  unsubscribeAll();
  await cluster.stop();
});

/** How a promise has settled once all has arrived. */
async function outcomeOf(promise: Promise<unknown>, ms = 0): Promise<unknown> {
  const settling = promise.then(
    (value) => ({ value }),
    (error: { code?: string; message: string }) => ({ code: error.code, message: error.message }),
  );
  await cluster.advance(ms);
  return Promise.race([settling, Promise.resolve('waits')]);
}

const echo = {
  handleInfo: (info: unknown, state: unknown) => reply(['echo', info], [], state),
};

describe('sendInfo', () => {
  it('reaches a connection of another node, in order', async () => {
    const { ref, infos } = b.open();
    for (const info of [1, new Map([[1, 2]]), 'three']) a.connections.sendInfo(ref, info);
    await cluster.settle();
    expect(infos).toEqual([1, new Map([[1, 2]]), 'three']);
  });

  it('throws at the sender for what cannot be encoded', () => {
    const { ref } = b.open();
    expect(() => a.connections.sendInfo(ref, () => {})).toThrow(
      expect.objectContaining({ code: 'WEBSOCK_INFO_ENCODE' }),
    );
    expect(() => a.connections.sendInfoAfter(ref, 10, Symbol('s'))).toThrow('a symbol');
  });

  it('vanishes, counted, for a node that nobody knows and while the broker is away', async () => {
    const lost = eventsOf(telemetry.infoLost);
    const { ref } = b.open();
    a.connections.sendInfo('AAAAAAAAAAAAAAAA.0', 'within the first second');
    await cluster.advance(1_100);
    a.connections.sendInfo('AAAAAAAAAAAAAAAA.0', 1);
    a.connections.sendInfo('nonsense', 1);
    a.connections.sendInfo(`${b.name}.zzz`, 'ended');
    await cluster.settle();
    expect(lost).toEqual([
      { app: a.name, ref: 'AAAAAAAAAAAAAAAA.0' },
      { app: a.name, ref: 'AAAAAAAAAAAAAAAA.0' },
      { app: a.name, ref: 'nonsense' },
    ]);
    a.engine.cut();
    a.connections.sendInfo(ref, 1);
    await cluster.settle();
    expect(lost.at(-1)).toEqual({ app: a.name, ref });
  });

  it('waits, right after the start, for a node to make itself known, and keeps its order', async () => {
    const { ref, infos } = b.open();
    const c = cluster.add();
    cluster.network.loses = ({ from, to }) => from === b.name && to === c.name;
    await c.start();
    await cluster.settle();
    c.connections.sendInfo(ref, 1);
    c.connections.sendInfo(ref, 2);
    await cluster.settle();
    cluster.network.loses = () => false;
    // Whoever is told first of the new node sends at once.
    const sendMore = () => c.connections.sendInfo(ref, 3);
    telemetry.nodeUp.subscribe(sendMore);
    await cluster.advance(500);
    expect(infos).toEqual([]);
    a.pubsub.broadcast('t', 0);
    b.connections.sendInfo(`${c.name}.0`, 'a sign of life');
    await cluster.settle();
    telemetry.nodeUp.unsubscribe(sendMore);
    expect(infos).toEqual([1, 2, 3]);
  });

  it('vanishes, counted, where there is no cluster', () => {
    const lost = eventsOf(telemetry.infoLost);
    const { connections, registry } = fakeApp();
    connections.sendInfo('AAAAAAAAAAAAAAAA.0', () => 'never encoded');
    connections.sendInfoAfter('AAAAAAAAAAAAAAAA.0', 10, 1);
    connections.sendInfo(`${registry.app}.0`, 'of this node');
    connections.sendInfo(undefined as never, 'of none');
    const one = { app: registry.app, ref: 'AAAAAAAAAAAAAAAA.0' };
    expect(lost).toEqual([one, one]);
  });

  it('runs the callback in the context of its connection', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { ref } = storage.run('connection', () =>
      b.open({
        handleInfo(_: unknown, state: unknown) {
          seen.push(storage.getStore());
          return ok(state);
        },
      }),
    );
    storage.run('sender', () => a.connections.sendInfo(ref, 1));
    await cluster.settle();
    expect(seen).toEqual(['connection']);
  });
});

describe('call', () => {
  it('resolves with the reply of a connection of another node', async () => {
    const { ref } = b.open(echo);
    const sent = { at: new Date(0), big: 2n ** 70n };
    const timers = cluster.clock.pending;
    expect(await outcomeOf(a.connections.call(ref, sent))).toEqual({ value: ['echo', sent] });
    expect(cluster.clock.pending).toBe(timers);
  });

  it('goes on in the context of the caller', async () => {
    const storage = new AsyncLocalStorage<string>();
    const { ref } = b.open(echo);
    const seen = storage.run('caller', async () => {
      await a.connections.call(ref, 1);
      return storage.getStore();
    });
    await cluster.settle();
    expect(await seen).toBe('caller');
  });

  it('rejects as on this node', async () => {
    const silent = b.open({ handleInfo: (_: unknown, state: unknown) => ok(state) });
    const ends = b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) });
    const hangs = b.open({ handleInfo: () => new Promise(() => {}) as never });
    const { call } = { call: a.connections.call.bind(a.connections) };
    expect(await outcomeOf(call(silent.ref, 1))).toMatchObject({ code: 'WEBSOCK_CALL_NO_REPLY' });
    expect(await outcomeOf(call(ends.ref, 1))).toMatchObject({ code: 'WEBSOCK_CALL_ENDED' });
    expect(await outcomeOf(call(ends.ref, 1))).toMatchObject({ code: 'WEBSOCK_CALL_UNKNOWN_REF' });
    expect(await outcomeOf(call(hangs.ref, 1, { timeout: 100 }), 150)).toMatchObject({
      code: 'WEBSOCK_CALL_TIMEOUT',
      message: `connection ${hangs.ref} did not reply within 100 ms`,
    });
  });

  it('rejects for a node that nobody knows, and at once for what is no reference', async () => {
    await cluster.advance(1_100);
    expect(await outcomeOf(a.connections.call('AAAAAAAAAAAAAAAA.0', 1))).toMatchObject({
      code: 'WEBSOCK_CALL_UNKNOWN_REF',
    });
    expect(await outcomeOf(a.connections.call('nonsense', 1))).toMatchObject({
      code: 'WEBSOCK_CALL_UNKNOWN_REF',
    });
  });

  it('waits, right after the start, for a node to make itself known', async () => {
    const { ref } = b.open(echo);
    const c = cluster.add();
    cluster.network.loses = ({ from, to, channel }) =>
      from === b.name && to === c.name && channel !== 'cluster';
    await c.start();
    await cluster.settle();
    const [known, unknown] = [c.connections.call(ref, 1), c.connections.call('AAAAAAAAAAAAAAAA.0', 1)];
    expect(await outcomeOf(unknown, 500)).toBe('waits');
    cluster.network.loses = () => false;
    b.pubsub.broadcast('t', 1);
    c.listen('t');
    await cluster.settle();
    b.pubsub.broadcast('t', 2);
    expect(await outcomeOf(known)).toEqual({ value: ['echo', 1] });
    expect(await outcomeOf(unknown, 600)).toMatchObject({ code: 'WEBSOCK_CALL_UNKNOWN_REF' });
  });

  it('rejects when the node goes down, says goodbye, or the call cannot be published', async () => {
    const hangs = b.open({ handleInfo: () => new Promise(() => {}) as never });
    const call = a.connections.call(hangs.ref, 1, { timeout: 60_000 });
    await cluster.settle();
    cluster.network.kill(b.name);
    expect(await outcomeOf(call, 16_000)).toMatchObject({ code: 'WEBSOCK_CALL_ENDED' });
    const c = await cluster.start();
    const other = c.open(echo);
    a.engine.cut();
    expect(await outcomeOf(a.connections.call(other.ref, 1))).toMatchObject({ code: 'WEBSOCK_ENGINE' });
  });

  it('tells the caller of a reply that cannot be encoded', async () => {
    const { ref } = b.open({ handleInfo: (_: unknown, state: unknown) => reply(() => {}, [], state) });
    expect(await outcomeOf(a.connections.call(ref, 1))).toMatchObject({
      message: expect.stringContaining('a function'),
    });
  });

  it('leaves nothing behind on the caller’s side, however many time out', async () => {
    const hangs = b.open({ handleInfo: () => new Promise(() => {}) as never });
    async function flood(): Promise<number> {
      const calls = Array.from({ length: 500 }, () => a.connections.call(hangs.ref, 1, { timeout: 50 }));
      const outcomes = Promise.allSettled(calls);
      await cluster.advance(200);
      expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
      return cluster.clock.pending;
    }
    const timers = await flood();
    expect(await flood()).toBeLessThanOrEqual(timers);
  });

  it('to a connection of a node that has stopped rejects', async () => {
    const { ref } = b.open(echo);
    await cluster.stopping(b);
    await cluster.advance(1_100);
    expect(await outcomeOf(a.connections.call(ref, 1))).toMatchObject({ code: 'WEBSOCK_CALL_UNKNOWN_REF' });
  });
});

describe('monitor', () => {
  it('tells when a connection of another node ends, and why', async () => {
    const watcher = a.open();
    const normal = b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) });
    const failing = b.open({
      handleInfo() {
        throw new Error('broken');
      },
    });
    watcher.connection.monitor(normal.ref);
    watcher.connection.monitor(failing.ref);
    await cluster.settle();
    a.connections.sendInfo(normal.ref, 1);
    await cluster.settle();
    a.connections.sendInfo(failing.ref, 1);
    await cluster.settle();
    normal.transport.listener.transportClosed();
    failing.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([
      ['down', normal.ref, 'normal'],
      ['down', failing.ref, ['error', 'broken']],
    ]);
  });

  it("says 'noproc' where there is no such connection, 'noconnection' where there is no such node", async () => {
    const watcher = a.open();
    await cluster.advance(1_100);
    watcher.connection.monitor(`${b.name}.zzz`);
    watcher.connection.monitor('AAAAAAAAAAAAAAAA.0');
    watcher.connection.monitor('nonsense');
    await cluster.settle();
    expect(watcher.infos).toHaveLength(3);
    expect(watcher.infos).toContainEqual(['down', `${b.name}.zzz`, 'noproc']);
    expect(watcher.infos).toContainEqual(['down', 'AAAAAAAAAAAAAAAA.0', 'noconnection']);
    expect(watcher.infos).toContainEqual(['down', 'nonsense', 'noproc']);
  });

  it("says 'noconnection' when the node is gone", async () => {
    const watcher = a.open();
    const { ref } = b.open();
    watcher.connection.monitor(ref);
    await cluster.settle();
    cluster.network.kill(b.name);
    await cluster.advance(16_000);
    expect(watcher.infos).toEqual([['down', ref, 'noconnection']]);
  });

  it('says nothing once it is cancelled, and asks the other node no longer', async () => {
    const watcher = a.open();
    const watched = b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) });
    const cancel = watcher.connection.monitor(watched.ref);
    await cluster.settle();
    cancel();
    await cluster.settle();
    const before = cluster.network.published.length;
    watched.connection.sendInfo(1);
    watched.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([]);
    expect(cluster.network.published).toHaveLength(before);
  });

  it.each([
    ['the watcher', 'noproc', () => a.engine],
    ['the one that ended', 'normal', () => b.engine],
  ])('tells what happened while %s was without the broker', async (_, reason, engine) => {
    const watcher = a.open();
    const watched = b.open({ handleInfo: (__: unknown, state: unknown) => stop('normal', state) });
    watcher.connection.monitor(watched.ref);
    await cluster.settle();
    engine().cut();
    watched.connection.sendInfo(1);
    await cluster.settle();
    watched.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([]);
    engine().restore();
    await cluster.settle();
    expect(watcher.infos).toEqual([['down', watched.ref, reason]]);
  });

  it('tells it with a heartbeat when it could not be published at once', async () => {
    const watcher = a.open();
    const watched = b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) });
    watcher.connection.monitor(watched.ref);
    await cluster.settle();
    b.engine.publishError = new Error('full');
    watched.connection.sendInfo(1);
    await cluster.settle();
    watched.transport.listener.transportClosed();
    await cluster.settle();
    b.engine.publishError = undefined;
    await cluster.advance(5_000);
    expect(watcher.infos).toEqual([['down', watched.ref, 'normal']]);
  });

  it('is told once though it was asked for again, and not to a node that is down', async () => {
    const watcher = a.open();
    const [one, other] = [0, 1].map(() =>
      b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) }),
    );
    watcher.connection.monitor(one!.ref);
    watcher.connection.monitor(other!.ref);
    await cluster.settle();
    a.engine.cut();
    a.engine.restore();
    await cluster.settle();
    const told = () =>
      cluster.network.published.filter(({ from, channel }) => from === b.name && channel === `node:${a.name}`)
        .length;
    const before = told();
    one!.connection.sendInfo(1);
    await cluster.settle();
    one!.transport.listener.transportClosed();
    await cluster.settle();
    expect(told()).toBe(before + 1);
    cluster.network.kill(a.name);
    await cluster.advance(16_000);
    const after = told();
    other!.connection.sendInfo(1);
    await cluster.settle();
    other!.transport.listener.transportClosed();
    await cluster.settle();
    expect(told()).toBe(after);
  });

  it('holds again where only the other node had lost sight of this one', async () => {
    const watcher = a.open();
    const watched = b.open({ handleInfo: (_: unknown, state: unknown) => stop('normal', state) });
    watcher.connection.monitor(watched.ref);
    await cluster.settle();
    cluster.network.loses = ({ from }) => from === a.name;
    await cluster.advance(16_000);
    expect(b.cluster.nodes()).toEqual([b.name]);
    expect(watcher.infos).toEqual([]);
    cluster.network.loses = () => false;
    await cluster.advance(5_100);
    watched.connection.sendInfo(1);
    await cluster.settle();
    watched.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([['down', watched.ref, 'normal']]);
  });

  it.each<[string, unknown, string]>([
    ['words', Symbol('why'), 'Symbol(why)'],
    ['nothing more', Object.assign(Object.create(null), { f: () => {} }), 'object without words'],
  ])('gives %s for a reason that cannot be encoded', async (_, why, words) => {
    const watcher = a.open();
    const watched = b.open({
      handleInfo: (_: unknown, state: unknown) => stop(why as never, state),
    });
    watcher.connection.monitor(watched.ref);
    await cluster.settle();
    watched.connection.sendInfo(1);
    await cluster.settle();
    watched.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([['down', watched.ref, ['error', words]]]);
  });

  it('is told of the end though the reason cannot be read', async () => {
    const decode = () => {
      throw Object.create(null);
    };
    const c = await cluster.start({ codec: { encode: () => Buffer.of(1), decode } });
    const watcher = c.open();
    const watched = b.open();
    watcher.connection.monitor(watched.ref);
    await cluster.settle();
    watched.transport.listener.transportClosed();
    await cluster.settle();
    expect(watcher.infos).toEqual([['down', watched.ref, ['error', 'the reason cannot be read']]]);
    expect(c.errors).toMatchObject([{ stage: 'deliver' }]);
  });
});
