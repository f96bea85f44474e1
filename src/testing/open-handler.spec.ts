import { AssertionError } from 'node:assert';
import { describe, expect, it } from '@jest/globals';
import type { CloseFacts, CloseReason } from '../websock/close.js';
import { CallTimeoutError, NoReplyError, ProtocolError } from '../websock/errors.js';
import { WebSockServer } from '../server/websock-server.js';
import { binary, ping, pong, text } from '../websock/message.js';
import { ok, push, reply, stop } from '../websock/result.js';
import type { DownInfo } from '../websock/topic.js';
import type { WebSock } from '../websock/websock.js';
import { openHandler } from './open-handler.js';
import { TestClock } from './test-clock.js';

const echo: WebSock<number> = {
  init: () => ok(0),
  handleIn: (message, state) => push(message, state + 1),
};

/** Runs a sentence after the other: what it is told on info. */
const told: WebSock<null, unknown, any> = {
  init: () => ok(null),
  handleInfo: (result) => result,
};

async function failureOf(promise: Promise<unknown>): Promise<AssertionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AssertionError);
  return error as AssertionError;
}

describe('openHandler', () => {
  it('drives a plain WebSock object', async () => {
    const room = await openHandler(echo);
    room.send(text('hi'));
    await room.expectPush(text('hi'));
    room.send(binary(Buffer.from([1, 2])));
    expect(await room.expectPush()).toEqual(['binary', Buffer.from([1, 2])]);
    await room.expectNothing();
  });

  it('gives init the argument, and the connection the request', async () => {
    const room = await openHandler(
      {
        init: (argument, { request }) =>
          push(
            text(JSON.stringify([argument, request.path, request.query, request.params, request.headers])),
            0,
          ),
      },
      {
        argument: 'ann',
        request: { url: '/rooms/7?a=1', params: { room: '7' }, headers: { 'X-Who': 'ann' } },
      },
    );
    await room.expectPush(text('["ann","/rooms/7",{"a":"1"},{"room":"7"},{"x-who":"ann"}]'));
  });

  it('gives init the request’s facts where there is no argument', async () => {
    const room = await openHandler({
      init: (argument, { request }) => push(text(String(argument === request)), 0),
    });
    await room.expectPush(text('true'));
  });

  it('delivers info in the order of what the test does', async () => {
    const said: unknown[] = [];
    const room = await openHandler({
      async handleIn([, data], state) {
        said.push(data);
        return ok(state);
      },
      handleInfo(message, state) {
        said.push(message);
        return ok(state);
      },
    });
    room.send(text('a'));
    room.info('b');
    room.send(text('c'));
    await room.expectNothing();
    expect(said).toEqual(['a', 'b', 'c']);
  });

  it('refuses what is no handler, and options that are no good', async () => {
    await expect(openHandler({} as WebSock)).rejects.toThrow('expected a WebSock object');
    await expect(openHandler(echo, { options: { timeout: 0 } })).rejects.toThrow(/timeout must be/);
  });
});

describe('call', () => {
  it('resolves with the term of the reply', async () => {
    const room = await openHandler(told);
    expect(await room.call(reply(42, [], null))).toBe(42);
    await expect(room.call(ok(null))).rejects.toBeInstanceOf(NoReplyError);
  });

  it('times out by the clock, and fails in real time', async () => {
    const room = await openHandler(told, { within: 10 });
    const hung = new Promise(() => {});
    const call = room.call(hung, { timeout: 500, within: 1_000 });
    void call.catch(() => {});
    await room.clock.advance(500);
    await expect(call).rejects.toBeInstanceOf(CallTimeoutError);
    const { message } = await failureOf(room.call('never'));
    expect(message).toBe('expected a reply, but nothing came within 10 ms');
  });
});

describe('expectPush', () => {
  it('takes a matcher for the payload, one for the message, a predicate, nested payloads', async () => {
    const room = await openHandler(echo);
    for (let i = 0; i < 4; i++) room.send(text('hello ann'));
    await room.expectPush(text(expect.stringContaining('ann') as unknown as string));
    await room.expectPush(expect.arrayContaining(['text']) as never);
    await room.expectPush(([, data]) => data.length === 9);
    await room.expectPush(text(['hello', [' ', 'ann']]));
  });

  it('says what came instead, with the test in the stack', async () => {
    const room = await openHandler(echo);
    room.send(text('what'));
    const error = await failureOf(room.expectPush(text('hi')));
    expect(error.message).toBe('expected text("hi"), but text("what") came');
    expect(error).toMatchObject({
      expected: 'text("hi")',
      actual: 'text("what") came',
      operator: 'expectPush',
    });
  });

  it('says that nothing came, after the time it had', async () => {
    const room = await openHandler(echo);
    const { message } = await failureOf(room.expectPush(text('hi'), { within: 5 }));
    expect(message).toBe('expected text("hi"), but nothing came within 5 ms');
  });

  it('waits for what a handler does with real time', async () => {
    const room = await openHandler({
      handleIn: (message, state) =>
        new Promise((resolve) => setTimeout(() => resolve(push(message, state)), 5)),
    });
    room.send(text('late'));
    await room.expectPush(text('late'));
  });

  it('says how the connection ended instead, and what the handler threw', async () => {
    const boom = new Error('boom');
    const room = await openHandler({
      handleIn() {
        throw boom;
      },
    });
    room.send(text('x'));
    const error = await failureOf(room.expectPush());
    expect(error.message).toBe(
      'expected a message, but the connection ended with close 1011\n  WebSock.handleIn() threw Error: boom',
    );
    expect(error.cause).toBe(boom);
    expect(room.errors).toEqual([{ method: 'WebSock.handleIn', error: boom }]);
  });

  it('keeps control frames apart', async () => {
    const room = await openHandler({
      ...echo,
      handleControl: ([op], state) => push([text(`got ${op}`), ...(op === 'ping' ? [ping('p')] : [])], state),
    });
    room.ping('x');
    await room.expectPush(text('got ping'));
    await room.expectPush(pong('x'));
    await room.expectPush(ping('p'));
    // The client answered the handler's ping.
    await room.expectPush(text('got pong'));
    expect(room.received.map(([op]) => op).slice(0, 3)).toEqual(['pong', 'text', 'ping']);
    room.close();
  });
});

describe('expectNothing', () => {
  it('sees a message that was not taken, and the end', async () => {
    const room = await openHandler(echo);
    await room.expectNothing();
    room.send(text('x'));
    expect((await failureOf(room.expectNothing())).message).toBe('expected nothing, but text("x") came');
    await room.expectPush();
    room.close(1000, 'bye');
    expect((await failureOf(room.expectNothing())).message).toBe(
      'expected nothing, but the connection ended with close 1000 "bye"',
    );
  });
});

describe('expectClose', () => {
  it('sees code and reason of a stop', async () => {
    const room = await openHandler(told);
    room.info(stop('normal', [4001, 'enough'], null));
    expect(await room.expectClose(4001, 'enough')).toEqual({ code: 4001, reason: 'enough' });
    expect(room.terminated).toBe('normal');
    expect(room.closed).toEqual({ code: 4001, reason: 'enough' });
  });

  it('wants messages taken first, and the right code', async () => {
    const room = await openHandler(told);
    room.info(stop('normal', 4001, text('last'), null));
    await room.clock.advance(0);
    expect((await failureOf(room.expectClose())).message).toBe('expected close, but text("last") came');
    await room.expectPush(text('last'));
    expect((await failureOf(room.expectClose(1000))).message).toBe(
      'expected close 1000, but the connection ended with close 4001',
    );
  });

  it('says that the connection stays open', async () => {
    const room = await openHandler(echo);
    const { message } = await failureOf(room.expectClose(1000, 'bye', { within: 5 }));
    expect(message).toBe('expected close 1000 "bye", but nothing came within 5 ms');
  });

  it('shows what init threw', async () => {
    const room = await openHandler({
      init() {
        throw new Error('no');
      },
    });
    await room.expectClose(1011);
    expect(room.errors).toHaveLength(1);
    expect(room.terminated).toEqual(['error', new Error('no')]);
  });
});

describe('the ways a connection ends', () => {
  const ended: [CloseReason, CloseFacts][] = [];
  const watched: WebSock<null> = {
    init: () => ok(null),
    handleIn: (message, state) => push(message, state),
    terminate: (reason, _state, facts) => void ended.push([reason, facts]),
  };

  it('close', async () => {
    const room = await openHandler(watched);
    room.close(3000, 'done');
    await room.expectClose(3000, 'done');
    expect(ended.pop()).toEqual(['remote', { code: 3000, reason: 'done', initiator: 'client' }]);
    expect(room.terminated).toBe('remote');
  });

  it('drop', async () => {
    const room = await openHandler(watched);
    room.drop();
    await room.expectClose(1006);
    expect(ended.pop()).toEqual([['error', 'closed'], { code: 1006, reason: '', initiator: 'transport' }]);
  });

  it('violate', async () => {
    const room = await openHandler(watched);
    room.violate(1008, 'too many fragments');
    await room.expectClose(1008);
    expect(ended.pop()![0]).toEqual(['error', expect.any(ProtocolError)]);
  });

  it('shutDown', async () => {
    const room = await openHandler(watched);
    room.shutDown();
    await room.expectClose(1012);
    expect(room.terminated).toBe('shutdown');
    ended.pop();
  });

  it('a client that does not answer', async () => {
    const room = await openHandler(told, { autoClose: false, options: { closeTimeout: 700 } });
    room.info(stop('normal', null));
    await room.expectClose(1000);
    expect(room.terminated).toBeUndefined();
    await room.clock.advance(699);
    expect(room.terminated).toBeUndefined();
    await room.clock.advance(1);
    expect(room.terminated).toBe('normal');
  });
});

describe('the clock', () => {
  const timed = { timeout: 1_000, heartbeat: false as const };

  it('stands still', async () => {
    const room = await openHandler(echo, { options: { timeout: 1 } });
    await room.expectNothing();
    expect(room.clock.now()).toBe(0);
  });

  it('meets the idle timeout to the millisecond', async () => {
    const room = await openHandler(echo, { options: timed });
    await room.clock.advance(123);
    room.send(text('x'));
    await room.expectPush();
    await room.clock.advance(999);
    await room.expectNothing();
    await room.clock.advance(1);
    await room.expectClose(1001);
    expect(room.terminated).toBe('timeout');
  });

  it('sends heartbeats, which the client answers or not', async () => {
    const living = await openHandler(echo, { options: { timeout: 1_000, heartbeat: 400 } });
    await living.clock.advance(100_000);
    expect(living.received).toHaveLength(250);
    await living.expectNothing();
    const dead = await openHandler(echo, { autoPong: false, options: { timeout: 1_000, heartbeat: 400 } });
    await dead.clock.advance(1_000);
    expect(dead.received).toHaveLength(2);
    await dead.expectClose(1001);
  });

  it('fires sendInfoAfter in order, and lets callbacks settle in between', async () => {
    const log: unknown[] = [];
    const room = await openHandler({
      init(_, connection) {
        connection.sendInfoAfter(20, 'second');
        connection.sendInfoAfter(10, 'first');
        return ok(0);
      },
      async handleInfo(message, state, connection) {
        await null;
        log.push(message);
        if (message === 'first') connection.sendInfoAfter(5, 'between');
        return ok(state);
      },
    });
    await room.clock.advance(9);
    expect(log).toEqual([]);
    await room.clock.advance(11);
    expect(log).toEqual(['first', 'between', 'second']);
  });

  it('bounds a terminate that hangs', async () => {
    const room = await openHandler(
      { handleIn: (_, state) => stop('normal', state), terminate: () => new Promise(() => {}) },
      { options: { terminateTimeout: 300 } },
    );
    room.send(text('x'));
    await room.clock.advance(299);
    await room.expectNothing();
    await room.clock.advance(1);
    await room.expectClose(1000);
  });

  it('lets an asynchronous terminate settle before it goes on after a timeout', async () => {
    let at = 0;
    const clock = new TestClock();
    await openHandler(
      {
        async terminate() {
          for (let i = 0; i < 20; i++) await null;
          at = clock.now();
        },
        handleIn: (_, state) => ok(state),
      },
      { clock, options: timed },
    );
    await clock.advance(5_000);
    expect(at).toBe(1_000);
  });

  it('cuts off a client that takes nothing, to the millisecond', async () => {
    const room = await openHandler(echo, { options: { sendTimeout: 500, timeout: Infinity } });
    room.pause();
    room.send(text('x'.repeat(100)));
    await room.clock.advance(300);
    room.read(1);
    await room.clock.advance(499);
    await room.expectNothing();
    await room.clock.advance(1);
    await room.expectClose(1006);
    expect(room.terminated).toEqual(['error', 'send_timeout']);
  });

  it('refuses to go back', async () => {
    await expect(new TestClock().advance(-1)).rejects.toBeInstanceOf(RangeError);
    await expect(new TestClock().advance(Infinity)).rejects.toBeInstanceOf(RangeError);
  });

  it('can be shared', async () => {
    const a = await openHandler(echo, { options: timed });
    const b = await openHandler(echo, { options: timed, clock: a.clock });
    await a.clock.advance(1_000);
    await a.expectClose(1001);
    await b.expectClose(1001);
  });
});

describe('a slow client', () => {
  it('holds back the handler above maxBufferedAmount, until it reads', async () => {
    const room = await openHandler(echo, { options: { maxBufferedAmount: 50 } });
    room.pause();
    for (let i = 0; i < 10; i++) room.send(text('x'.repeat(18)));
    await room.expectNothing();
    room.read(60);
    expect(room.received).toHaveLength(3);
    room.resume();
    for (let i = 0; i < 10; i++) await room.expectPush();
    await room.expectNothing();
  });
});

describe('topics', () => {
  const member: WebSock<null, unknown, string> = {
    init(_argument, connection) {
      connection.subscribe('room:lobby');
      connection.subscribe('prices', { fastlane: (price: number) => text(`price ${price}`) });
      return ok(null);
    },
    handleInfo: (message) => push(text(message), null),
  };

  it('are broadcast to by the test', async () => {
    const room = await openHandler(member);
    room.pubsub.broadcast('room:lobby', 'hello');
    await room.expectPush(text('hello'));
    room.pubsub.broadcast('prices', 7);
    await room.expectPush(text('price 7'));
    room.pubsub.broadcast('room:cellar', 'nobody here');
    await room.expectNothing();
  });

  it('of a handler without an app are its own', async () => {
    const [ann, bob] = [await openHandler(member), await openHandler(member)];
    ann.pubsub.broadcast('room:lobby', 'hello');
    await ann.expectPush(text('hello'));
    await bob.expectNothing();
  });

  it('are those of the server that the test gives', async () => {
    const server = new WebSockServer();
    const speaker: WebSock<null> = {
      init: () => ok(null),
      handleIn([, data], _state, connection) {
        server.pubsub.broadcastFrom(connection, 'room:lobby', data);
        return ok(null);
      },
    };
    const [ann, bob] = [await openHandler(speaker, { server }), await openHandler(member, { server })];
    const heard = ann.pubsub.messages('room:lobby');
    ann.send(text('hello'));
    await bob.expectPush(text('hello'));
    await expect(heard.next()).resolves.toEqual({ done: false, value: 'hello' });
    expect(server.connections.list()).toEqual([ann.ref, bob.ref]);
  });

  it('may be watched: a monitor tells who has ended', async () => {
    const server = new WebSockServer();
    const watcher: WebSock<null, string, DownInfo> = {
      init(ref, connection) {
        connection.monitor(ref);
        return ok(null);
      },
      handleInfo: ([, , reason]) => push(text(String(reason)), null),
    };
    const ann = await openHandler(member, { server });
    const watch = await openHandler(watcher, { server, argument: ann.ref });
    ann.close(1000);
    await watch.expectPush(text('remote'));
  });
});
