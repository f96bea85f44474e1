import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { settled } from '../../test/support/fake-clock.js';
import { fakeApp, openConnection } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import { text } from '../websock/message.js';
import { ok, push } from '../websock/result.js';
import type { SubscribeOptions } from '../websock/topic.js';
import type { WebSock } from '../websock/websock.js';
import type { Subscriber } from './subscriber.js';
import type { TopicListener } from './topic-listener.js';
import type { TopicRelay } from './topic-relay.js';

afterEach(unsubscribeAll);

/** A listener, and what it was called with. */
function listener() {
  const calls: unknown[][] = [];
  return { calls, listen: (...args: unknown[]) => void calls.push(args) };
}

/** Pushes its info. */
const telling: WebSock<any, any, any> = {
  init: () => ok(0),
  handleInfo: (message) => push(text(String(message)), 0),
};

describe('a connection', () => {
  it('is subscribed and unsubscribed by itself or by its reference', async () => {
    const app = fakeApp();
    const { connection, log } = openConnection(telling, {}, app);
    app.pubsub.subscribe('a', connection);
    app.pubsub.subscribe('b', connection.ref);
    connection.subscribe('b');
    app.pubsub.broadcast('a', 1);
    app.pubsub.broadcast('b', 2);
    app.pubsub.unsubscribe('a', connection.ref);
    app.pubsub.unsubscribe('b', connection);
    app.pubsub.broadcast('a', 3);
    app.pubsub.broadcast('b', 4);
    await settled();
    expect(log).toEqual(['text:1', 'text:2']);
    expect([...app.topics.topics()]).toEqual([]);
  });

  it('is left out by broadcastFrom and localBroadcastFrom', async () => {
    const app = fakeApp();
    const [ann, bob] = [1, 2].map(() => openConnection(telling, {}, app));
    for (const { connection } of [ann!, bob!]) connection.subscribe('a');
    app.pubsub.broadcastFrom(ann!.connection, 'a', 1);
    app.pubsub.localBroadcastFrom(bob!.connection.ref, 'a', 2);
    app.pubsub.localBroadcast('a', 3);
    await settled();
    expect([ann!.log, bob!.log]).toEqual([
      ['text:2', 'text:3'],
      ['text:1', 'text:3'],
    ]);
  });

  it('that has ended is left alone', () => {
    const app = fakeApp();
    const { connection } = openConnection(telling, {}, app);
    connection.receiveClose(1000, Buffer.alloc(0));
    app.pubsub.subscribe('a', connection);
    app.pubsub.unsubscribe('a', connection.ref);
    app.pubsub.broadcastFrom(connection, 'a', 1);
    expect(app.topics.has('a')).toBe(false);
  });

  it('of another node is refused, and what is no connection', () => {
    const { pubsub, registry } = fakeApp();
    const elsewhere = `connection node.1 is not of this node (${registry.app}); do it there`;
    expect(() => pubsub.subscribe('a', 'node.1')).toThrow(new TypeError(`subscribe: ${elsewhere}`));
    expect(() => pubsub.unsubscribe('a', 'node.1')).toThrow(new TypeError(`unsubscribe: ${elsewhere}`));
    for (const bad of [undefined, null, 7, {}] as unknown as string[]) {
      expect(() => pubsub.subscribe('a', bad)).toThrow('expected a connection, a reference or a function');
      expect(() => pubsub.broadcastFrom(bad, 'a', 1)).toThrow(TypeError);
    }
    expect(() => pubsub.subscribe('a', () => {}, { fastlane: text } as SubscribeOptions)).toThrow(
      'a listener has no client',
    );
  });
});

describe('a listener', () => {
  const store = new AsyncLocalStorage<string>();

  it('is called from a microtask, with message and topic, in the async context in which it subscribed', async () => {
    const { pubsub } = fakeApp();
    const calls: unknown[] = [];
    store.run('service', () =>
      pubsub.subscribe('a', (message, topic) => calls.push([message, topic, store.getStore()])),
    );
    store.run('sender', () => {
      pubsub.broadcast('a', 1);
      pubsub.broadcast('a', 2);
    });
    expect(calls).toEqual([]);
    await settled();
    expect(calls).toEqual([
      [1, 'a', 'service'],
      [2, 'a', 'service'],
    ]);
  });

  it('is one however often it subscribes to a topic, and may listen to several', async () => {
    const { pubsub } = fakeApp();
    const { calls, listen } = listener();
    for (const topic of ['a', 'a', 'b']) pubsub.subscribe(topic, listen);
    for (const topic of ['a', 'b']) pubsub.broadcast(topic, 1);
    await settled();
    expect(calls).toEqual([
      [1, 'a'],
      [1, 'b'],
    ]);
  });

  it('is left out of what it broadcasts itself, by broadcastFrom', async () => {
    const { pubsub } = fakeApp();
    const [one, two] = [listener(), listener()];
    for (const { listen } of [one, two]) pubsub.subscribe('a', listen);
    pubsub.broadcastFrom(one.listen, 'a', 1);
    pubsub.broadcastFrom(() => {}, 'a', 2);
    await settled();
    expect([one.calls, two.calls]).toEqual([
      [[2, 'a']],
      [
        [1, 'a'],
        [2, 'a'],
      ],
    ]);
  });

  it('is not called any more once it is unsubscribed, not even with what is on its way', async () => {
    const { pubsub, topics } = fakeApp();
    const { calls, listen } = listener();
    pubsub.subscribe('a', listen);
    pubsub.broadcast('a', 1);
    pubsub.unsubscribe('a', listen);
    pubsub.unsubscribe('a', listen);
    await settled();
    expect(calls).toEqual([]);
    expect(topics.has('a')).toBe(false);
  });

  it('may unsubscribe itself while it is called', async () => {
    const { pubsub } = fakeApp();
    const calls: unknown[] = [];
    const once: TopicListener = (message) => {
      calls.push(message);
      pubsub.unsubscribe('a', once);
    };
    pubsub.subscribe('a', once);
    pubsub.broadcast('a', 1);
    pubsub.broadcast('a', 2);
    await settled();
    expect(calls).toEqual([1]);
  });

  it.each<[string, TopicListener]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s is reported, and goes on; the sender does not notice', async (_, failing) => {
    const errors = eventsOf(telemetry.listenerError);
    const { pubsub, registry } = fakeApp();
    const { calls, listen } = listener();
    pubsub.subscribe('a', failing);
    pubsub.subscribe('a', listen);
    pubsub.broadcast('a', 1);
    pubsub.broadcast('a', 2);
    await settled();
    expect(calls).toHaveLength(2);
    const event = {
      app: registry.app,
      listener: 'topic',
      topic: 'a',
      ref: undefined,
      error: new Error('no'),
    };
    expect(errors).toEqual([event, event]);
  });

  it('is released when the app shuts down, for good', async () => {
    const { pubsub, topics } = fakeApp();
    const { calls, listen } = listener();
    pubsub.subscribe('a', listen);
    pubsub.release();
    pubsub.subscribe('b', listen);
    for (const topic of ['a', 'b']) pubsub.broadcast(topic, 1);
    await settled();
    expect(calls).toEqual([]);
    expect([...topics.topics()]).toEqual([]);
  });
});

describe('a broadcast', () => {
  /** Notes what it gets, and does something then. */
  function subscriber(name: string, log: string[], then = () => {}): Subscriber {
    return {
      receiveInfo(message) {
        log.push(`${name} ${String(message)}`);
        then();
      },
    };
  }

  it('goes to those who were subscribed when it began, whatever happens meanwhile', () => {
    const { topics } = fakeApp();
    const log: string[] = [];
    const late = subscriber('late', log);
    const last = subscriber('last', log);
    const first = subscriber('first', log, () => {
      topics.subscribe('a', late, {});
      topics.unsubscribe('a', last);
    });
    topics.subscribe('a', first, {});
    topics.subscribe('a', last, {});
    topics.deliver('a', 1);
    topics.deliver('a', 2);
    expect(log).toEqual(['first 1', 'last 1', 'first 2', 'late 2']);
  });

  it('reaches all though every subscriber leaves', () => {
    const { topics } = fakeApp();
    const log: string[] = [];
    const all = ['a', 'b', 'c'].map((name) =>
      subscriber(name, log, () => all.forEach((one) => topics.unsubscribe('a', one))),
    );
    for (const one of all) topics.subscribe('a', one, {});
    topics.deliver('a', 1);
    expect(log).toEqual(['a 1', 'b 1', 'c 1']);
    expect(topics.has('a')).toBe(false);
  });

  it('may begin within another', () => {
    const { topics } = fakeApp();
    const log: string[] = [];
    let isNested = false;
    const outer = subscriber('outer', log, () => {
      if (isNested) return;
      isNested = true;
      topics.unsubscribe('a', inner);
      topics.deliver('a', 2);
      topics.subscribe('a', inner, {});
    });
    const inner = subscriber('inner', log);
    topics.subscribe('a', outer, {});
    topics.subscribe('a', inner, {});
    topics.deliver('a', 1);
    expect(log).toEqual(['outer 1', 'outer 2', 'inner 1']);
    topics.deliver('a', 3);
    expect(log.slice(3)).toEqual(['outer 3', 'inner 3']);
  });
});

describe('the relay', () => {
  /** Other nodes that note what they are told. */
  function relay(log: unknown[]): TopicRelay {
    return {
      join: (topic) => log.push(['join', topic]),
      leave: (topic) => log.push(['leave', topic]),
      joined: async (topic) => void log.push(['joined', topic]),
      publish: (...args) => log.push(['publish', ...args]),
    };
  }

  it('is told of first and last subscribers, and of what is not local', async () => {
    const app = fakeApp();
    const log: unknown[] = [];
    app.topics.relay = relay(log);
    const { connection } = openConnection(telling, {}, app);
    const { calls, listen } = listener();
    await app.pubsub.subscribed('a');
    app.pubsub.subscribe('a', listen);
    app.pubsub.subscribe('a', connection);
    app.pubsub.subscribe('a', connection);
    await app.pubsub.subscribed('a');
    app.pubsub.broadcast('a', 1);
    app.pubsub.broadcastFrom(connection, 'a', 2);
    app.pubsub.broadcastFrom('node.1', 'a', 3);
    app.pubsub.localBroadcast('a', 4);
    app.pubsub.localBroadcastFrom(listen, 'a', 5);
    await settled();
    app.pubsub.unsubscribe('a', listen);
    connection.receiveClose(1000, Buffer.alloc(0));
    expect(log).toEqual([
      ['join', 'a'],
      ['joined', 'a'],
      ['publish', 'a', 1],
      ['publish', 'a', 2, undefined],
      ['publish', 'a', 3, 'node.1'],
      ['leave', 'a'],
    ]);
    expect(calls.map(([message]) => message)).toEqual([1, 2, 3, 4]);
  });

  it('keeps a message from everybody that it cannot encode', async () => {
    const app = fakeApp();
    const { calls, listen } = listener();
    app.pubsub.subscribe('a', listen);
    const error = new Error('cannot be encoded');
    app.topics.relay = {
      ...relay([]),
      publish() {
        throw error;
      },
    };
    expect(() => app.pubsub.broadcast('a', () => {})).toThrow(error);
    expect(() => app.pubsub.broadcastFrom(listen, 'a', () => {})).toThrow(error);
    await settled();
    expect(calls).toEqual([]);
    app.pubsub.localBroadcast('a', 'fine');
    await settled();
    expect(calls).toEqual([['fine', 'a']]);
  });

  it('announces gaps to those who asked for them', async () => {
    const app = fakeApp();
    const [deaf, keen] = [listener(), listener()];
    const { connection, log } = openConnection(telling, {}, app);
    connection.subscribe('a', { gaps: true });
    app.pubsub.subscribe('a', deaf.listen);
    app.pubsub.subscribe('a', keen.listen, { gaps: true });
    app.topics.announceGap('a');
    app.topics.announceGap('b');
    await settled();
    expect([deaf.calls, keen.calls, log]).toEqual([[], [[['gap', 'a'], 'a']], ['text:gap,a']]);
  });
});
