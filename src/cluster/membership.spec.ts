import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { ClusterNodes, type TestNode } from '../../test/support/fake-cluster.js';
import { telemetry } from '../telemetry/events.js';

let cluster: ClusterNodes;

beforeEach(() => {
  cluster = new ClusterNodes();
});

afterEach(async () => {
  unsubscribeAll();
  await cluster.stop();
});

const knows = (node: TestNode, ...others: TestNode[]) =>
  expect(node.cluster.nodes().slice(1).sort()).toEqual(others.map(({ name }) => name).sort());

describe('nodes()', () => {
  it('has this node first, and is alone before the start and without others', async () => {
    const a = cluster.add();
    expect(a.cluster.nodes()).toEqual([a.name]);
    await a.start();
    expect(a.cluster.nodes()).toEqual([a.name]);
    expect(a.cluster.node).toBe(a.name);
  });

  it('knows all as soon as they have started, without a heartbeat', async () => {
    const [a, b, c] = [await cluster.start(), await cluster.start(), await cluster.start()];
    knows(a, b, c);
    knows(b, a, c);
    knows(c, a, b);
  });

  it('loses a node at once that says goodbye, and does not take what comes late from it for a return', async () => {
    const ups = eventsOf(telemetry.nodeUp);
    const downs = eventsOf(telemetry.nodeDown);
    const [a, b] = [await cluster.start(), await cluster.start()];
    const late = cluster.network.published.filter(({ from }) => from === b.name).at(-1)!;
    ups.length = 0;
    await cluster.stopping(b);
    knows(a);
    expect(downs).toEqual([{ app: a.name, node: b.name, reason: 'bye' }]);
    a.engine.listener!.receive(late.channel, Buffer.from(late.packet));
    expect(ups).toEqual([]);
    knows(a);
  });

  it('loses a node that is silent for nodeTimeout, and one that lives stays', async () => {
    const downs = eventsOf(telemetry.nodeDown);
    const [a, b, c] = [await cluster.start(), await cluster.start(), await cluster.start()];
    await cluster.advance(1_000);
    cluster.network.kill(b.name);
    // Its last sign of life was its start.
    await cluster.advance(13_900);
    knows(a, b, c);
    await cluster.advance(2_200);
    knows(a, c);
    expect(downs).toContainEqual({ app: a.name, node: b.name, reason: 'silent' });
    await cluster.advance(60_000);
    knows(a, c);
  });

  it('follows the options', async () => {
    const options = { heartbeat: 100, nodeTimeout: 300 };
    const [a, b] = [await cluster.start(options), await cluster.start(options)];
    await cluster.advance(2_000);
    knows(a, b);
    cluster.network.kill(b.name);
    await cluster.advance(500);
    knows(a);
  });

  it('sees a node again that was cut off, as soon as its broker is back', async () => {
    const [a, b] = [await cluster.start(), await cluster.start()];
    b.engine.cut();
    await cluster.advance(20_000);
    knows(a);
    knows(b);
    b.engine.restore();
    await cluster.settle();
    knows(a, b);
    knows(b, a);
  });

  it('sees all again after a partition that nobody was told of', async () => {
    const [a, b] = [await cluster.start(), await cluster.start()];
    cluster.network.partition([a.name], [b.name]);
    await cluster.advance(20_000);
    knows(a);
    cluster.network.heal();
    await cluster.advance(5_100);
    knows(a, b);
    knows(b, a);
  });
});

describe('start()', () => {
  it('does not wait for a broker that is away; the node comes with it', async () => {
    const lost = eventsOf(telemetry.engineLost);
    const restored = eventsOf(telemetry.engineRestored);
    const a = await cluster.start();
    const b = cluster.add();
    b.engine.cut();
    const there = b.listen('t');
    await b.start();
    knows(b);
    expect(await b.cluster.isHealthy()).toBe(false);
    expect(lost).toMatchObject([{ app: b.name, engine: 'fake' }]);
    await cluster.advance(3_000);
    b.engine.restore();
    await cluster.settle();
    knows(b, a);
    expect(restored).toEqual([{ app: b.name, engine: 'fake', duration: 3_000 }]);
    expect(await b.cluster.isHealthy()).toBe(true);
    a.pubsub.broadcast('t', 1);
    await cluster.settle();
    expect(there).toContain(1);
  });

  it('waits a second at most for a broker that says nothing', async () => {
    const a = await cluster.start();
    const b = cluster.add();
    let open = () => {};
    b.engine.gate = new Promise((resolve) => (open = resolve));
    let hasStarted = false;
    const starting = b.start().then(() => (hasStarted = true));
    await cluster.advance(900);
    expect(hasStarted).toBe(false);
    await cluster.advance(200);
    await starting;
    open();
    b.engine.gate = undefined;
    await cluster.settle();
    knows(b, a);
  });

  it('rejects when the engine refuses its client', async () => {
    const a = cluster.add();
    a.engine.start = () => Promise.reject(new Error('no client'));
    await expect(a.cluster.start()).rejects.toThrow('no client');
    await a.cluster.stop();
  });
});

describe('stop()', () => {
  it('publishes what was broadcast in the same tick, says goodbye, and stops the engine last', async () => {
    const [a, b] = [await cluster.start(), await cluster.start()];
    const there = b.listen('t');
    await cluster.settle();
    a.pubsub.broadcast('t', 'last words');
    await cluster.stopping(a);
    expect(there).toEqual(['last words']);
    knows(b);
    expect(a.engine.calls.at(-1)).toBe('stop');
    expect(a.errors).toEqual([]);
  });

  it('does not wait for a broker that does not answer', async () => {
    const a = await cluster.start();
    a.engine.publish = () => new Promise(() => {});
    a.engine.stop = () => new Promise(() => {});
    a.pubsub.broadcast('t', 1);
    await cluster.stopping(a);
  });

  it('leaves no timer behind, with the broker there or not', async () => {
    const [a, b] = [await cluster.start(), await cluster.start()];
    b.pubsub.subscribe('t', () => {});
    await cluster.settle();
    b.engine.cut();
    await cluster.advance(1_000);
    b.engine.restore();
    await cluster.stopping(a);
    await cluster.stopping(b);
    expect(cluster.clock.pending).toBe(0);
  });
});

describe('a packet for nodes', () => {
  it.each([
    ['of somebody else', Buffer.from('hello')],
    ['that is cut off', Buffer.of(0x57, 2, 9, 65)],
    ['without a kind', Buffer.of(0x57, 2, 1, 65, 0)],
    ['with a sign of life that is cut off', Buffer.of(0x57, 2, 1, 65, 0, 1, 3, 200, 1)],
    ['about connections that is cut off', Buffer.of(0x57, 2, 1, 65, 2, 1)],
    ['with a call that is cut off', Buffer.of(0x57, 2, 1, 65, 2, 1, 7)],
    ['about topics that is cut off', Buffer.of(0x57, 2, 1, 65, 1, 1, 200)],
  ])('%s is reported, and nothing throws', async (_, packet) => {
    const a = await cluster.start();
    a.engine.listener!.receive('cluster', packet);
    await cluster.settle();
    if (packet.at(5) !== 1 || packet.at(4) !== 2) expect(a.errors).toMatchObject([{ stage: 'deliver' }]);
  });

  it('of a part that this version does not know is left alone', async () => {
    const a = await cluster.start();
    a.engine.listener!.receive('cluster', Buffer.of(0x57, 2, 1, 65, 99, 1, 2));
    await cluster.settle();
    expect(a.errors).toEqual([]);
  });
});
