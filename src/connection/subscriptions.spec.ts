import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { settled } from '../../test/support/fake-clock.js';
import { fakeApp, openConnection } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import type { Connection } from '../websock/connection.js';
import { text } from '../websock/message.js';
import { ok, push, stop } from '../websock/result.js';
import type { SubscribeOptions } from '../websock/topic.js';
import type { WebSock } from '../websock/websock.js';

afterEach(unsubscribeAll);

/** Pushes what comes from the topics to which it subscribes. */
function listening(...topics: string[]): WebSock<any, any, any> {
  return {
    init(_argument, connection) {
      for (const topic of topics) connection.subscribe(topic);
      return ok(0);
    },
    handleInfo: (message) => push(text(String(message)), 0),
  };
}

describe('subscribe', () => {
  it('brings what is broadcast as info, in order, from a microtask', async () => {
    const { app, log } = openConnection(listening('a', 'b'));
    app.pubsub.broadcast('a', 1);
    app.pubsub.broadcast('b', 2);
    app.pubsub.broadcast('c', 'not subscribed');
    app.pubsub.broadcast('a', 3);
    expect(log).toEqual([]);
    await settled();
    expect(log).toEqual(['text:1', 'text:2', 'text:3']);
  });

  it('is one subscription however often it is called', async () => {
    const { app, log } = openConnection(listening('a', 'a', 'a'));
    app.pubsub.broadcast('a', 1);
    await settled();
    expect(log).toEqual(['text:1']);
  });

  const store = new AsyncLocalStorage<string>();
  const stores: unknown[] = [];
  const watchful: WebSock<any, any, any> = {
    ...listening('a'),
    handleInfo: () => {
      stores.push(store.getStore());
      return ok(0);
    },
  };

  it("calls handleInfo in its connection's own async context, whoever broadcasts", async () => {
    const app = fakeApp();
    const connections = ['one', 'two'].map((name) =>
      store.run(name, () => openConnection(watchful, {}, app)),
    );
    store.run('sender', () => app.pubsub.broadcast('a', 1));
    await settled();
    expect(stores).toEqual(['one', 'two']);
    expect(connections).toHaveLength(2);
  });

  it("brings the sender its own message after the callback's result", async () => {
    const { app, say, log } = openConnection({
      ...listening('a'),
      handleIn([, data]) {
        app.pubsub.broadcast('a', `${data} of the topic`);
        return push(text(`${data} answered`), 0);
      },
    });
    say('x');
    await settled();
    expect(log).toEqual(['text:x answered', 'text:x of the topic']);
  });

  it('waits for init, and delivers then', async () => {
    let admit = () => {};
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    const { app, log } = openConnection({
      ...listening('a'),
      async init(argument, connection) {
        connection.subscribe('a');
        await admitted;
        return push(text('welcome'), argument);
      },
    });
    app.pubsub.broadcast('a', 1);
    await settled();
    expect(log).toEqual([]);
    admit();
    await settled();
    expect(log).toEqual(['text:welcome', 'text:1']);
  });

  it.each([
    [undefined, 'a topic is a string, not undefined'],
    [7, 'a topic is a string, not number'],
    ['', 'a topic is not empty'],
    ['room \ud800', 'a topic is well-formed, without lone surrogates'],
    ['é'.repeat(201), 'a topic has at most 400 bytes of UTF-8'],
  ])('refuses %p as a topic', (topic, fault) => {
    const { connection, pubsub } = openConnection({ handleInfo: () => ok(0) });
    expect(() => connection.subscribe(topic as string)).toThrow(new TypeError(`subscribe: ${fault}`));
    expect(() => pubsub.broadcast(topic as string, 1)).toThrow(new TypeError(`broadcast: ${fault}`));
    connection.subscribe('é'.repeat(200));
  });

  it.each([
    [{ fastlane: 'yes' }, 'fastlane is a function, not string'],
    [{ gaps: 1 }, 'gaps is true or false, not number'],
    [{ gap: true }, 'unknown option gap; known are fastlane, gaps'],
  ])('refuses the option %p', (options, fault) => {
    const { connection, app } = openConnection({ handleInfo: () => ok(0) });
    const subscribe = () => connection.subscribe('a', options as unknown as SubscribeOptions);
    expect(subscribe).toThrow(new TypeError(`subscribe: ${fault}`));
    expect(app.topics.has('a')).toBe(false);
  });
});

describe('the end of a subscription', () => {
  it('comes by unsubscribe: what is waiting is still handled', async () => {
    const { app, connection, log } = openConnection(listening('a', 'b'));
    app.pubsub.broadcast('a', 1);
    connection.unsubscribe('a');
    connection.unsubscribe('a');
    connection.unsubscribe('never');
    app.pubsub.broadcast('a', 2);
    app.pubsub.broadcast('b', 3);
    await settled();
    expect(log).toEqual(['text:1', 'text:3']);
    expect([...app.topics.topics()]).toEqual(['b']);
  });

  const ended: [string, (connection: ReturnType<typeof openConnection>) => void][] = [
    ['the client closes', ({ connection }) => connection.receiveClose(1000, Buffer.alloc(0))],
    ['the transport goes', ({ transport }) => transport.listener.transportClosed()],
    ['the handler stops', ({ say }) => say('stop')],
    ['the server shuts down', ({ connection }) => connection.shutDown(1012)],
    ['it is destroyed', ({ connection }) => connection.destroy(1012)],
  ];

  it.each(ended)('comes as soon as the end is decided: %s', (_, end) => {
    const opened = openConnection({
      ...listening('a', 'b'),
      handleIn: (_message, state) => stop('normal', state),
      terminate: () => new Promise(() => {}),
    });
    end(opened);
    expect([...opened.app.topics.topics()]).toEqual([]);
  });

  it('is there from the start once the end is decided', () => {
    let late: Connection | undefined;
    const { app, connection } = openConnection({
      handleInfo: () => ok(0),
      terminate(_reason, _state, _facts, self) {
        late = self;
        self.subscribe('a');
      },
    });
    connection.receiveClose(1000, Buffer.alloc(0));
    late!.subscribe('b');
    late!.unsubscribe('b');
    expect([...app.topics.topics()]).toEqual([]);
    expect(() => late!.subscribe('')).toThrow(TypeError);
  });

  it('comes before terminate, which may tell the others; what was received before is handled', async () => {
    const stops = eventsOf(telemetry.connectionStop);
    const { app, connection, transport } = openConnection({
      ...listening('a'),
      terminate: () => void app.pubsub.broadcast('a', 'gone'),
    });
    const other = openConnection(listening('a'), {}, app);
    app.pubsub.broadcast('a', 1);
    connection.receiveClose(1000, Buffer.alloc(0));
    transport.listener.transportClosed();
    await settled();
    expect(transport.log).toEqual(['text:1', 'close:1000:']);
    expect(other.log).toEqual(['text:1', 'text:gone']);
    expect(stops).toMatchObject([{ droppedInfo: 0 }]);
  });
});

describe('a mailbox of a topic', () => {
  it('ends the connection with 1013 when it overflows, and nobody else', async () => {
    const app = fakeApp();
    let release = () => {};
    const busy = new Promise<void>((resolve) => (release = resolve));
    const slow = openConnection(
      { ...listening('a'), handleIn: async () => (await busy, ok(0)) },
      { maxMailbox: 2 },
      app,
    );
    const quick = openConnection(listening('a'), { maxMailbox: 2 }, app);
    slow.say('x');
    for (const message of [1, 2, 3, 4]) {
      app.pubsub.broadcast('a', message);
      await settled();
    }
    release();
    await settled();
    expect(slow.log).toEqual(['text:1', 'text:2', 'close:1013:']);
    expect(quick.log).toEqual(['text:1', 'text:2', 'text:3', 'text:4']);
  });
});
