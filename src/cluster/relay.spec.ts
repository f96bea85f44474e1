import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { ClusterNodes, type TestNode } from '../../test/support/fake-cluster.js';
import { telemetry } from '../telemetry/events.js';

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

/** Packets of topics that were published so far. */
function topicPackets(topic: string): number {
  return cluster.network.published.filter(({ channel }) => channel === `topic:${topic}`).length;
}

function broadcast(node: TestNode, topic: string, ...messages: unknown[]): void {
  for (const message of messages) node.pubsub.broadcast(topic, message);
}

describe('broadcast', () => {
  it('reaches the subscribers of all nodes once, in order', async () => {
    const [here, there] = [a.listen('t'), b.listen('t')];
    await cluster.settle();
    broadcast(a, 't', 1, 2, 3);
    await cluster.settle();
    broadcast(a, 't', 4);
    await cluster.settle();
    expect(here).toEqual([1, 2, 3, 4]);
    expect(there).toEqual([1, 2, 3, 4]);
  });

  it('publishes the messages of a tick and topic in one packet', async () => {
    b.listen('t');
    await cluster.settle();
    broadcast(a, 't', 1, 2, 3);
    broadcast(a, 'other', 1);
    await cluster.settle();
    expect(topicPackets('t')).toBe(1);
    expect(topicPackets('other')).toBe(1);
  });

  it('does not wait for the tick with 1,000 messages or 64 KiB', async () => {
    const there = b.listen('t');
    await cluster.settle();
    for (let i = 0; i < 2_500; i++) broadcast(a, 't', i);
    await cluster.settle();
    expect(topicPackets('t')).toBe(3);
    broadcast(a, 't', 'x'.repeat(40_000), 'x'.repeat(40_000), 'x');
    await cluster.settle();
    expect(topicPackets('t')).toBe(5);
    expect(there).toHaveLength(2_503);
  });

  it('has a large message in a packet of its own, so that none is lost for another', async () => {
    const there = b.listen('t');
    await cluster.settle();
    a.engine.maxPacket = 100_000;
    const [half, more, tooLarge] = [50_000, 60_000, 101_000].map((length) => 'x'.repeat(length));
    broadcast(a, 't', 1, half, more, tooLarge, 3);
    await cluster.settle();
    expect(there).toEqual([1, half, more, 3]);
  });

  it('reaches nobody when it cannot be encoded', async () => {
    const [here, there] = [a.listen('t'), b.listen('t')];
    await cluster.settle();
    expect(() => broadcast(a, 't', { save() {} })).toThrow(
      expect.objectContaining({
        code: 'WEBSOCK_INFO_ENCODE',
        message: expect.stringContaining('a function at .save'),
      }),
    );
    broadcast(a, 't', 'after');
    await cluster.settle();
    expect([here, there]).toEqual([['after'], ['after']]);
  });

  it('spares the connection of another node that it is from', async () => {
    const { infos, connection } = b.open();
    connection.subscribe('t');
    const other = b.listen('t');
    await cluster.settle();
    a.pubsub.broadcastFrom(connection.ref, 't', 1);
    broadcast(a, 't', 2);
    await cluster.settle();
    expect(infos).toEqual([2]);
    expect(other).toEqual([1, 2]);
  });

  it('gives the subscribers of a node one object', async () => {
    const [one, other] = [b.listen('t'), b.listen('t')];
    await cluster.settle();
    broadcast(a, 't', { n: 1 });
    await cluster.settle();
    expect(one[0]).toEqual({ n: 1 });
    expect(one[0]).toBe(other[0]);
  });

  it('keeps the class of an instance, without calling its constructor', async () => {
    let made = 0;
    class Posted {
      constructor(readonly text: string) {
        made++;
      }
      shout() {
        return this.text.toUpperCase();
      }
    }
    b.infoClasses.add(Posted);
    const there = b.listen('t') as Posted[];
    await cluster.settle();
    broadcast(a, 't', new Posted('hello'));
    await cluster.settle();
    expect(there[0]).toBeInstanceOf(Posted);
    expect(there[0]!.shout()).toBe('HELLO');
    expect(made).toBe(1);
  });

  it('gives plain objects where nobody knows the class', async () => {
    class Posted {
      text = 'hello';
    }
    const there = b.listen('t');
    await cluster.settle();
    broadcast(a, 't', new Posted());
    await cluster.settle();
    expect(there).toStrictEqual([{ text: 'hello' }]);
  });

  it('goes on locally without the broker, tells onError, and throws nothing', async () => {
    const errors = eventsOf(telemetry.engineError);
    const here = a.listen('t');
    await cluster.settle();
    a.engine.cut();
    broadcast(a, 't', 1, 2);
    await cluster.settle();
    expect(here).toEqual([1, 2]);
    expect(a.errors.map(({ stage }) => stage)).toEqual(['connect', 'publish']);
    expect(errors).toMatchObject([{ app: a.name, stage: 'publish', engine: 'fake', messages: 2 }]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('not again');
      },
    ],
    ['rejects', () => Promise.reject(new Error('not again'))],
  ])('survives an onError that %s', async (_, onError) => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const c = await cluster.start({ onError });
    c.engine.publishError = new Error('full');
    broadcast(c, 't', 1);
    await cluster.settle();
    expect(warned).toHaveBeenCalledWith(expect.stringContaining('not again'));
    c.engine.publishError = undefined;
    await cluster.stop();
    warned.mockRestore();
  });
});

describe('subscribing', () => {
  it('asks the broker for the first and the last subscriber only', async () => {
    const [one, other] = [b.open().connection, b.open().connection];
    one.subscribe('t');
    other.subscribe('t');
    await cluster.settle();
    one.unsubscribe('t');
    other.unsubscribe('t');
    await cluster.settle();
    expect(b.engine.calls.filter((call) => call.endsWith('topic:t'))).toEqual([
      'subscribe topic:t',
      'unsubscribe topic:t',
    ]);
  });

  it('ends with the last wish, however often it changes, and asks one thing at a time', async () => {
    const { connection, infos } = b.open();
    let open = () => {};
    b.engine.gate = new Promise((resolve) => (open = resolve));
    for (let i = 0; i < 50; i++) {
      connection.subscribe('t');
      connection.unsubscribe('t');
    }
    connection.subscribe('t');
    await cluster.settle();
    expect(b.engine.calls.filter((call) => call.endsWith('topic:t'))).toEqual(['subscribe topic:t']);
    open();
    b.engine.gate = undefined;
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    expect(infos).toEqual([1]);
    connection.unsubscribe('t');
    connection.subscribe('t');
    connection.unsubscribe('t');
    await cluster.settle();
    expect(b.engine.hears('topic:t')).toBe(false);
  });

  it('forgets, while the broker is away, what nobody wants any more', async () => {
    const { connection, infos } = b.open();
    b.engine.cut();
    connection.subscribe('gone');
    connection.subscribe('back');
    await cluster.settle();
    connection.unsubscribe('gone');
    connection.unsubscribe('back');
    connection.subscribe('back');
    await cluster.settle();
    expect(b.engine.calls.at(-1)).toBe('subscribe topic:back');
    expect(b.engine.calls).toContain('unsubscribe topic:gone');
    b.engine.restore();
    await cluster.settle();
    expect(b.engine.hears('topic:gone')).toBe(false);
    broadcast(a, 'back', 1);
    await cluster.settle();
    expect(infos).toEqual([1]);
  });

  it('tries again with a heartbeat what the broker refused', async () => {
    const subscribe = b.engine.subscribe.bind(b.engine);
    b.engine.subscribe = () => Promise.reject(new Error('no permission'));
    const there = b.listen('t');
    await cluster.settle();
    expect(b.errors).toMatchObject([
      { stage: 'subscribe', message: expect.stringContaining('no permission') },
    ]);
    b.engine.subscribe = subscribe;
    await cluster.advance(5_000);
    broadcast(a, 't', 1);
    await cluster.settle();
    expect(there).toEqual([1]);
  });

  it('resolves subscribed() when nobody is subscribed any more', async () => {
    const { connection } = b.open();
    b.engine.cut();
    connection.subscribe('t');
    const subscribed = b.pubsub.subscribed('t').then(() => 'resolved');
    await cluster.settle();
    connection.unsubscribe('t');
    await cluster.settle();
    expect(await Promise.race([subscribed, Promise.resolve('waits')])).toBe('resolved');
  });

  it('resolves subscribed() when messages of other nodes arrive', async () => {
    let open = () => {};
    b.engine.gate = new Promise((resolve) => (open = resolve));
    let isThere = false;
    b.listen('t');
    const subscribed = b.pubsub.subscribed('t').then(() => (isThere = true));
    await cluster.settle();
    expect(isThere).toBe(false);
    open();
    await subscribed;
    b.engine.gate = undefined;
  });
});

describe('a gap', () => {
  it('is counted exactly and announced to those who ask, before what comes behind it', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const [asks, does] = [b.listen('t', { gaps: true }), b.listen('t')];
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    cluster.network.loses = ({ channel }) => channel === 'topic:t';
    broadcast(a, 't', 2, 3);
    await cluster.settle();
    cluster.network.loses = () => false;
    broadcast(a, 't', 4);
    await cluster.settle();
    expect(gaps).toEqual([{ app: b.name, topic: 't', node: a.name, lost: 2 }]);
    expect(asks).toEqual([1, ['gap', 't'], 4]);
    expect(does).toEqual([1, 4]);
  });

  it('at the end of a burst is counted when the broker is back', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const there = b.listen('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    b.engine.cut();
    broadcast(a, 't', 2, 3, 4);
    await cluster.settle();
    b.engine.restore();
    await cluster.advance(100);
    expect(gaps).toMatchObject([{ topic: 't', node: a.name, lost: 3 }]);
    expect(there).toEqual([1, ['gap', 't']]);
  });

  it('is announced once for an outage of all, whoever published, and each counted', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const c = await cluster.start();
    const there = c.listen('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 'a');
    broadcast(b, 't', 'b');
    await cluster.settle();
    cluster.network.stopBroker();
    broadcast(a, 't', 1, 2);
    broadcast(b, 't', 3);
    await cluster.settle();
    cluster.network.startBroker();
    await cluster.advance(2_000);
    expect(gaps.filter(({ app }) => app === c.name)).toMatchObject([
      { node: a.name, lost: 2 },
      { node: b.name, lost: 1 },
    ]);
    expect(there).toEqual(['a', 'b', ['gap', 't']]);
  });

  it('is announced once when nobody is left to count it', async () => {
    const there = b.listen('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    b.engine.cut();
    broadcast(a, 't', 2);
    await cluster.settle();
    cluster.network.kill(a.name);
    b.engine.restore();
    await cluster.advance(1_000);
    expect(there).toEqual([1, ['gap', 't']]);
    await cluster.advance(30_000);
    expect(there).toEqual([1, ['gap', 't']]);
  });

  it('is told by the publisher itself when a publish has failed', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const there = b.listen('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    a.engine.publishError = new Error('full');
    broadcast(a, 't', 2, 3);
    await cluster.settle();
    a.engine.publishError = undefined;
    await cluster.advance(5_000);
    expect(gaps).toMatchObject([{ lost: 2 }]);
    expect(there).toEqual([1, ['gap', 't']]);
  });

  it('is none for who has just subscribed, nor after it left and came back', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    broadcast(a, 't', 1, 2, 3);
    await cluster.settle();
    const { connection, infos } = b.open();
    connection.subscribe('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 4);
    await cluster.settle();
    connection.unsubscribe('t');
    await cluster.settle();
    broadcast(a, 't', 5);
    await cluster.settle();
    connection.subscribe('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 6);
    await cluster.settle();
    expect(infos).toEqual([4, 6]);
    expect(gaps).toEqual([]);
  });

  it('is counted across a partition that outlasts nodeTimeout', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const there = b.listen('t', { gaps: true });
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    cluster.network.partition([a.name], [b.name]);
    await cluster.advance(20_000);
    expect(b.cluster.nodes()).toEqual([b.name]);
    broadcast(a, 't', 2, 3);
    await cluster.settle();
    cluster.network.heal();
    await cluster.advance(6_000);
    expect(b.cluster.nodes()).toEqual([b.name, a.name]);
    expect(gaps).toMatchObject([{ lost: 2 }]);
    expect(there).toEqual([1, ['gap', 't']]);
  });
});

describe('a packet', () => {
  it('that comes twice is delivered once', async () => {
    const there = b.listen('t');
    await cluster.settle();
    broadcast(a, 't', 1, 2);
    await cluster.settle();
    const { channel, packet } = cluster.network.published.at(-1)!;
    b.engine.listener!.receive(channel, Buffer.from(packet));
    broadcast(a, 't', 3);
    await cluster.settle();
    expect(there).toEqual([1, 2, 3]);
  });

  it.each([
    ['of somebody else', Buffer.from('hello')],
    ['of nothing', Buffer.alloc(0)],
    ['of a later version', Buffer.of(0x57, 9, 1, 65, 0, 0, 1, 4, 1)],
    ['that is cut off', Buffer.of(0x57, 1, 1, 65, 0, 0, 2, 200)],
    ['with more messages than bytes', Buffer.of(0x57, 1, 1, 65, 0, 0, 0xff, 0xff, 0x7f)],
    ['with a number that is no number', Buffer.of(0x57, 1, 1, 65, ...Buffer.alloc(20, 0xff))],
    ['with a message that the codec refuses', Buffer.of(0x57, 1, 1, 65, 0, 0, 1, 8, 0xda, 0xff)],
  ])('%s is reported and dropped', async (_, packet) => {
    const errors = eventsOf(telemetry.engineError);
    const there = b.listen('t');
    await cluster.settle();
    b.engine.listener!.receive('topic:t', packet);
    await cluster.settle();
    expect(errors).toMatchObject([{ stage: 'deliver', app: b.name }]);
    expect(b.errors).toHaveLength(1);
    broadcast(a, 't', 1);
    await cluster.settle();
    expect(there).toContain(1);
  });

  it('that its publisher’s goodbye has overtaken is delivered', async () => {
    const gaps = eventsOf(telemetry.pubsubGap);
    const there = b.listen('t');
    await cluster.settle();
    broadcast(a, 't', 1);
    await cluster.settle();
    const late = cluster.network.published.at(-1)!;
    await cluster.stopping(a);
    b.engine.listener!.receive(late.channel, Buffer.from(late.packet));
    await cluster.settle();
    expect(there).toEqual([1, 1]);
    expect(b.cluster.nodes()).toEqual([b.name]);
    expect(gaps).toEqual([]);
  });

  it('that is cut off loses what is behind the cut, each message counted once', async () => {
    const errors = eventsOf(telemetry.engineError);
    const there = b.listen('t');
    await cluster.settle();
    b.engine.listener!.receive('topic:t', Buffer.of(0x57, 1, 1, 65, 0, 0, 4, 4, 1, 200));
    await cluster.settle();
    expect(there).toEqual([1]);
    expect(errors).toMatchObject([{ messages: 3 }]);
  });

  it('loses of its messages only those that cannot be read', async () => {
    const errors = eventsOf(telemetry.engineError);
    const there = b.listen('t');
    await cluster.settle();
    // Two messages between which one is cut off: 1, `[`, 2.
    b.engine.listener!.receive('topic:t', Buffer.of(0x57, 1, 1, 65, 0, 0, 3, 4, 1, 4, 0x91, 4, 2));
    await cluster.settle();
    expect(there).toEqual([1, 2]);
    expect(errors).toMatchObject([{ messages: 1 }]);
  });
});
