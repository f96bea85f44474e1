import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { settled } from '../../test/support/fake-clock.js';
import { fakeApp, openConnection } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import { ResultError } from '../websock/errors.js';
import { json, text, type Message } from '../websock/message.js';
import { ok, push, stop } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';

afterEach(unsubscribeAll);

const inText = (message: unknown) => text(String(message));

/** Subscribes to `a` past its `handleInfo`. */
function fastlaned(fastlane: (message: any) => Message = inText): WebSock<any, any, any> {
  return {
    init(_argument, connection) {
      connection.subscribe('a', { fastlane });
      return ok(0);
    },
    handleInfo: (message) => push(text(`info ${message}`), 0),
  };
}

/** A promise that a callback waits for. */
function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

describe('a fastlaned message', () => {
  it('is sent at once when nothing is ahead of it, in the context of the sender', () => {
    const store = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const { app, log } = openConnection(
      fastlaned((message) => {
        stores.push(store.getStore());
        return inText(message);
      }),
    );
    store.run('sender', () => app.pubsub.broadcast('a', 1));
    expect([log, stores]).toEqual([['text:1'], ['sender']]);
  });

  it('is made and framed once for all that subscribed with the same function', () => {
    const app = fakeApp();
    let made = 0;
    const count = (message: unknown) => (made++, json({ message }));
    const connections = [1, 2, 3].map(() => openConnection(fastlaned(count), {}, app));
    const other = openConnection(fastlaned(), {}, app);
    app.pubsub.broadcast('a', 1);
    expect(made).toBe(1);
    expect(connections.map(({ log }) => log)).toEqual(Array(3).fill(['text:{"message":1}']));
    const [shared, ...same] = connections.map(({ transport }) => transport.shared[0]);
    expect(shared).toBeInstanceOf(Map);
    expect(same.every((frames) => frames === shared)).toBe(true);
    expect(other.log).toEqual(['text:1']);
  });

  it('keeps its place among what waits: behind info, before what comes later', async () => {
    const { app, connection, log } = openConnection(fastlaned());
    connection.sendInfo(1);
    app.pubsub.broadcast('a', 2);
    connection.sendInfo(3);
    app.pubsub.broadcast('a', 4);
    expect(log).toEqual([]);
    await settled();
    expect(log).toEqual(['text:info 1', 'text:2', 'text:info 3', 'text:4']);
    app.pubsub.broadcast('a', 5);
    expect(log).toHaveLength(5);
  });

  it('waits for the callback that runs, init included', async () => {
    const [init, handleIn] = [gate(), gate()];
    const { app, say, log } = openConnection({
      ...fastlaned(),
      async init(_argument, connection) {
        connection.subscribe('a', { fastlane: inText });
        await init.passed;
        return push(text('welcome'), 0);
      },
      async handleIn() {
        await handleIn.passed;
        return push(text('answer'), 0);
      },
    });
    app.pubsub.broadcast('a', 1);
    init.open();
    await settled();
    expect(log).toEqual(['text:welcome', 'text:1']);
    say('x');
    app.pubsub.broadcast('a', 2);
    handleIn.open();
    await settled();
    expect(log.slice(2)).toEqual(['text:answer', 'text:2']);
  });

  it('comes after the result of the callback that broadcasts it', () => {
    const { app, say, log } = openConnection({
      ...fastlaned(),
      handleIn([, data]) {
        app.pubsub.broadcast('a', data);
        return push(text('answer'), 0);
      },
    });
    say('x');
    expect(log).toEqual(['text:answer', 'text:x']);
  });

  it('waits while the client must drain, and goes on one by one', () => {
    const { app, transport, log } = openConnection(fastlaned());
    transport.full = true;
    for (const message of [1, 2, 3]) app.pubsub.broadcast('a', message);
    expect(log).toEqual(['text:1']);
    transport.listener.drained();
    expect(log).toEqual(['text:1', 'text:2']);
    transport.drain();
    expect(log).toEqual(['text:1', 'text:2', 'text:3']);
  });

  it('counts towards maxMailbox: a client that does not drain is closed with 1013', () => {
    const { app, transport, log } = openConnection(fastlaned(), { maxMailbox: 2 });
    transport.full = true;
    for (const message of [1, 2, 3, 4, 5]) app.pubsub.broadcast('a', message);
    expect(app.topics.has('a')).toBe(false);
    transport.drain();
    expect(log).toEqual(['text:1', 'text:2', 'text:3', 'close:1013:']);
  });

  it('is dropped and counted with the rest of the mailbox when the handler stops', async () => {
    const stops = eventsOf(telemetry.connectionStop);
    const { app, say, transport } = openConnection({
      ...fastlaned(),
      handleIn(_message, state) {
        app.pubsub.broadcast('a', 1);
        return stop('normal', state);
      },
    });
    say('x');
    transport.listener.transportClosed();
    expect(transport.log).toEqual(['close:1000:']);
    expect(stops).toMatchObject([{ droppedInfo: 1 }]);
  });

  it('that waited is sent when the server shuts down, as what was received before', async () => {
    const busy = gate();
    const { app, say, connection, log } = openConnection({
      ...fastlaned(),
      handleIn: async () => (await busy.passed, ok(0)),
    });
    say('x');
    app.pubsub.broadcast('a', 1);
    connection.shutDown(1012);
    app.pubsub.broadcast('a', 2);
    busy.open();
    await settled();
    expect(log).toEqual(['text:1', 'close:1012:']);
  });

  it('needs no handleInfo, and drops nothing for want of one', () => {
    const dropped = eventsOf(telemetry.messageDropped);
    const { app, log } = openConnection({ ...fastlaned(), handleInfo: undefined } as WebSock<any>);
    app.pubsub.broadcast('a', 1);
    expect([log, dropped]).toEqual([['text:1'], []]);
  });

  it('goes to the handler again after a subscription without fastlane', async () => {
    const { app, connection, log } = openConnection(fastlaned());
    connection.subscribe('a');
    app.pubsub.broadcast('a', 1);
    connection.subscribe('a', { fastlane: inText });
    app.pubsub.broadcast('a', 2);
    await settled();
    expect(log).toEqual(['text:info 1', 'text:2']);
  });
});

describe('a fastlane function that fails', () => {
  let calls = 0;
  const refuse = (message: unknown): Message => {
    calls++;
    if (message === 'bad') throw new RangeError('refused');
    return inText(message);
  };

  it('is called once, reported once, and fails nobody else', () => {
    const errors = eventsOf(telemetry.listenerError);
    const app = fakeApp();
    const failing = [1, 2, 3].map(() => openConnection(fastlaned(refuse), {}, app));
    const other = openConnection(fastlaned(), {}, app);
    app.pubsub.broadcast('a', 'bad');
    expect(calls).toBe(1);
    app.pubsub.broadcast('a', 'good');
    expect(failing.map(({ log }) => log)).toEqual(Array(3).fill(['text:good']));
    expect(other.log).toEqual(['text:bad', 'text:good']);
    const [{ error, ...event }, ...more] = errors;
    expect(event).toEqual({ app: app.registry.app, listener: 'fastlane', topic: 'a', ref: undefined });
    expect(error).toEqual(new RangeError('refused'));
    expect(more).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'a message must be [opcode, payload], not undefined'],
    ['a list of messages', [text('a'), text('b')], 'a list of 2'],
    ['a control message that is too long', ['ping', 'x'.repeat(126)], 'at most 125 bytes'],
    ['what the codec cannot encode', json(1n), 'the codec cannot encode'],
  ])('by making %s: reported once, the connections stay', (_, made, fault) => {
    const errors = eventsOf(telemetry.listenerError);
    const app = fakeApp();
    const bad = () => made as Message;
    const connections = [1, 2].map(() => openConnection(fastlaned(bad), {}, app));
    app.pubsub.broadcast('a', 1);
    expect(errors).toHaveLength(1);
    expect(errors[0]!.error).toBeInstanceOf(ResultError);
    expect((errors[0]!.error as Error).message).toContain(fault);
    connections[0]!.connection.receiveInfo('hello');
    expect(connections[1]!.log).toEqual([]);
    expect(connections[1]!.connection.isEnding).toBe(false);
  });

  it('for one codec is good for another', () => {
    const errors = eventsOf(telemetry.listenerError);
    const app = fakeApp();
    const big = () => json(1n);
    const codec = { encode: (value: unknown) => text(String(value)), decode: () => undefined };
    const plain = openConnection(fastlaned(big), {}, app);
    const special = openConnection(fastlaned(big), { codec }, app);
    app.pubsub.broadcast('a', 1);
    expect([plain.log, special.log, errors.length]).toEqual([[], ['text:1'], 1]);
  });
});
