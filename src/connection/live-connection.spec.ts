import { afterEach, describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { FakeClock, settled } from '../../test/support/fake-clock.js';
import { FakeTransport } from '../../test/support/fake-transport.js';
import { telemetry, type CallbackError, type ConnectionStop } from '../telemetry/events.js';
import type { CloseFacts, CloseReason } from '../websock/close.js';
import type { Connection } from '../websock/connection.js';
import { ProtocolError, ResultError } from '../websock/errors.js';
import { text } from '../websock/message.js';
import { resolveOptions, type WebSockOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import { ok, push, reply, stop } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import { Connections } from './connections.js';
import { handlerOf } from './handler.js';
import { ConnectionRegistry } from './registry.js';

type AnyWebSock = WebSock<any, any, any>;

const REQUEST = { url: '/x' } as UpgradeRequest;

/** Opens a connection of `websock` on a fake transport and a fake clock. */
function open(websock: AnyWebSock, options: WebSockOptions = {}, argument: unknown = 'argument') {
  const clock = new FakeClock();
  const registry = new ConnectionRegistry(clock);
  const connections = new Connections(registry);
  const transport = new FakeTransport();
  const spec = {
    handler: handlerOf(websock),
    argument,
    request: REQUEST,
    options: resolveOptions('test', { heartbeat: false }, options),
    context: new AsyncResource('test'),
  };
  const connection = registry.open(spec, (listener) => {
    transport.listener = listener;
    return transport;
  });
  connection.start();
  const say = (data: string) => connection.receiveMessage(['text', data], Buffer.byteLength(data));
  return { clock, registry, connections, transport, connection, say, log: transport.log };
}

/** A promise and the means to settle it. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** Records what `terminate` gets. */
function witness() {
  const seen: unknown[][] = [];
  const terminate = (reason: CloseReason, state: unknown, facts: CloseFacts) => {
    seen.push([reason, state, facts.code, facts.initiator]);
  };
  return { seen, terminate };
}

const echo: AnyWebSock = { handleIn: (message, state) => push(message, state) };

describe('callbacks', () => {
  it('handles nothing before an asynchronous init has been applied, then everything in order of arrival', async () => {
    const init = deferred<void>();
    const { say, log, connection } = open({
      init: async (argument, self) => {
        self.sendInfo('from init');
        await init.promise;
        return push(text(`init ${argument}`), 0);
      },
      handleIn: ([, data], state) => push(text(`in ${data}`), state),
      handleInfo: (message, state) => push(text(`info ${message}`), state),
    });
    say('one');
    connection.sendInfo('two');
    await settled();
    expect(log).toEqual([]);
    init.resolve();
    await settled();
    expect(log).toEqual(['text:init argument', 'text:info from init', 'text:in one', 'text:info two']);
  });

  it('makes the argument the state of a handler without init', () => {
    const { say, log } = open({ handleIn: (_, state) => push(text(state as string), state) });
    say('?');
    expect(log).toEqual(['text:argument']);
  });

  it('runs one callback at a time', async () => {
    const gates = [deferred<void>(), deferred<void>()];
    let running = 0;
    const { say, log } = open({
      init: () => ok(0),
      async handleIn([, data], state: number) {
        expect(++running).toBe(1);
        await gates[state]!.promise;
        running--;
        return push(text(data as string), state + 1);
      },
    });
    say('a');
    say('b');
    gates[1]!.resolve();
    await settled();
    expect(log).toEqual([]);
    gates[0]!.resolve();
    await settled();
    expect(log).toEqual(['text:a', 'text:b']);
  });

  it('answers a synchronous callback without a turn of the event loop', () => {
    const { say, log } = open(echo);
    say('now');
    expect(log).toEqual(['text:now']);
  });

  it('sends the pong before handleControl runs, also while another callback is at work', async () => {
    const gate = deferred<void>();
    const { say, connection, log } = open({
      handleIn: async (_, state) => gate.promise.then(() => ok(state)),
      handleControl: ([opcode], state) => push(text(`control ${opcode}`), state),
    });
    say('slow');
    connection.receiveControl(['ping', Buffer.from('p')]);
    expect(log).toEqual(['pong:p']);
    gate.resolve();
    await settled();
    expect(log).toEqual(['pong:p', 'text:control ping']);
  });

  it('runs handleInfo from a microtask, never inside the call that sends', async () => {
    const { connection, log } = open({ handleInfo: (message, state) => push(text(message), state) });
    connection.sendInfo('later');
    expect(log).toEqual([]);
    await Promise.resolve();
    expect(log).toEqual(['text:later']);
  });

  it('runs every callback in the context of its own upgrade, whoever sent', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const note = (callback: string) => seen.push(`${callback} ${storage.getStore()}`);
    const { connection, say } = storage.run('own', () =>
      open({
        init: () => (note('init'), ok(0)),
        handleIn: () => (note('in'), ok(0)),
        handleControl: () => (note('control'), ok(0)),
        handleInfo: async () => (await null, note('info'), stop('normal', 0)),
        terminate: () => note('terminate'),
      }),
    );
    await storage.run('other', async () => {
      say('x');
      connection.receiveControl(['pong', Buffer.alloc(0)]);
      connection.sendInfo('x');
      await settled();
    });
    expect(seen).toEqual(['init own', 'in own', 'control own', 'info own', 'terminate own']);
  });
});

describe('results', () => {
  it('sends nothing of a bad result, and names handler, method and fault', async () => {
    class Room {
      init() {
        return ok('first');
      }
      handleIn() {
        return ['push', [['text', 'good'], ['ping', 'x'.repeat(126)]], 'second'] as any; // prettier-ignore
      }
      terminate = jestTerminate.terminate;
    }
    const { say, log } = open(new Room());
    say('x');
    expect(log).toEqual(['close:1011:']);
    const [[reason, state]] = jestTerminate.seen as [[['error', ResultError], unknown]];
    expect(state).toBe('first');
    expect(reason[1]).toBeInstanceOf(ResultError);
    expect(reason[1].message).toBe(
      'Room.handleIn() returned a bad result: a ping has at most 125 bytes of payload, not 126',
    );
  });
  const jestTerminate = witness();

  it('stops a list at the outgoing mark and goes on when the client drains; only then does the next message run', () => {
    const { say, log, transport } = open({
      init: () => ok(0),
      handleIn: ([, data], state: number) =>
        push([text(`${data}${state}a`), text(`${data}${state}b`)], state + 1),
    });
    transport.full = true;
    say('x');
    say('y');
    expect(log).toEqual(['text:x0a']);
    expect(transport.paused).toBe(true);
    transport.drain();
    expect(log).toEqual(['text:x0a', 'text:x0b', 'text:y1a', 'text:y1b']);
    expect(transport.paused).toBe(false);
  });

  it('starts the terminate of a stop only when all its messages are handed over', () => {
    const { seen, terminate } = witness();
    const { say, log, transport } = open({
      handleIn: () => stop('normal', 4000, [text('a'), text('b')], 'last'),
      terminate,
    });
    transport.full = true;
    say('x');
    expect([log, seen]).toEqual([['text:a'], []]);
    transport.drain();
    expect(log).toEqual(['text:a', 'text:b', 'close:4000:']);
    expect(seen).toEqual([['normal', 'last', 4000, 'server']]);
  });

  it('drops what is left of a half-sent list when the client goes, and keeps the state of the result', () => {
    const { seen, terminate } = witness();
    const { say, log, transport } = open({ handleIn: () => push([text('a'), text('b')], 'new'), terminate });
    transport.full = true;
    say('x');
    transport.listener.transportClosed();
    expect(log).toEqual(['text:a']);
    expect(seen).toEqual([[['error', 'closed'], 'new', 1006, 'transport']]);
  });
});

describe('the end', () => {
  it('runs terminate before the close frame leaves, once', async () => {
    const gate = deferred<void>();
    const { say, log, connection } = open({
      handleIn: (_, state) => stop('normal', [4001, 'bye'], state),
      terminate: () => gate.promise.then(() => log.push('terminated')),
    });
    say('x');
    connection.receiveClose(1000, Buffer.alloc(0));
    connection.shutDown(1012);
    await settled();
    expect(log).toEqual([]);
    gate.resolve();
    await settled();
    expect(log).toEqual(['terminated', 'close:4001:bye']);
  });

  it('lets the first cause win: a client that closes while a callback runs is answered with its own code', async () => {
    const gate = deferred<void>();
    const { seen, terminate } = witness();
    const { say, log, connection } = open({
      handleIn: async (_, state) => (await gate.promise, stop('normal', 4001, [text('done')], state)),
      terminate,
    });
    say('x');
    connection.receiveClose(4999, Buffer.from('gone'));
    expect(connection.signal.aborted).toBe(true);
    gate.resolve();
    await settled();
    expect(log).toEqual(['text:done', 'close:4999:gone']);
    expect(seen).toEqual([['remote', 'argument', 4999, 'client']]);
  });

  it('handles what was received before a violation, and nothing after it', async () => {
    const gate = deferred<void>();
    const { say, log, connection } = open({
      handleIn: async (message, state) => (await gate.promise, push(message, state)),
    });
    say('a');
    say('b');
    connection.receiveViolation(new ProtocolError(1002, 'bad frame'));
    say('c');
    gate.resolve();
    await settled();
    expect(log).toEqual(['text:a', 'text:b', 'close:1002:']);
  });

  it('drops what waits behind a stop from init, and runs terminate', async () => {
    const { seen, terminate } = witness();
    const { say, log } = open({ ...echo, init: async () => stop('normal', 'state'), terminate });
    say('never');
    await settled();
    expect(log).toEqual(['close:1000:']);
    expect(seen).toEqual([['normal', 'state', 1000, 'server']]);
  });

  it('applies init for a peer that vanished meanwhile, handles its messages, then terminates', async () => {
    const { seen, terminate } = witness();
    const handled: string[] = [];
    const { say, connection } = open({
      init: async () => push(text('hello'), 'ready'),
      handleIn: ([, data], state) => (handled.push(data as string), ok(state)),
      terminate,
    });
    say('early');
    connection.transportClosed();
    await settled();
    expect(handled).toEqual(['early']);
    expect(seen).toEqual([[['error', 'closed'], 'ready', 1006, 'transport']]);
  });

  it('does not call terminate after an init that crashed', async () => {
    const { seen, terminate } = witness();
    const { log } = open({ init: () => Promise.reject(new Error('no')), terminate });
    await settled();
    expect(log).toEqual(['close:1011:']);
    expect(seen).toEqual([]);
  });

  it('closes with 1011 without terminate when init overruns upgradeTimeout', async () => {
    const { seen, terminate } = witness();
    const late = deferred<any>();
    const { log, clock } = open({ init: () => late.promise, terminate }, { upgradeTimeout: 100 });
    await clock.advance(99);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['close:1011:']);
    late.resolve(push(text('late'), 1));
    await settled();
    expect([log, seen]).toEqual([['close:1011:'], []]);
  });

  it('abandons a callback that hangs when the connection must end, after terminateTimeout', async () => {
    const { seen, terminate } = witness();
    const late = deferred<any>();
    const { say, log, clock, connection } = open(
      { handleIn: () => late.promise, terminate },
      { terminateTimeout: 100, closeTimeout: 1_000 },
    );
    say('hangs');
    connection.shutDown(1012);
    await clock.advance(99);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['close:1012:']);
    expect(seen).toEqual([['shutdown', 'argument', 1012, 'server']]);
    late.resolve(push(text('late'), 'late'));
    await settled();
    expect(log).toEqual(['close:1012:']);
  });

  it('gives what was received before the end closeTimeout in all', async () => {
    const { log, say, clock, connection, registry } = open(
      { handleIn: (_, state) => new Promise((resolve) => clock.after(60, () => resolve(ok(state)))) },
      { terminateTimeout: 100, closeTimeout: 150 },
    );
    for (let i = 0; i < 10; i++) say('slow');
    connection.receiveClose(1000, Buffer.alloc(0));
    await clock.advance(149);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['close:1000:']);
    connection.transportClosed();
    expect(registry.size).toBe(0);
    // The abandoned callback's own timer is left, and nothing of ours.
    expect(clock.pending).toBe(1);
  });

  it('sends the close frame of the cause when terminate overruns', async () => {
    const { log, say, clock } = open(
      { handleIn: () => stop('normal', 4000, 0), terminate: () => new Promise(() => {}) },
      { terminateTimeout: 50 },
    );
    say('x');
    await clock.advance(50);
    expect(log).toEqual(['close:4000:']);
  });

  it('gives a client 2 s for the closing handshake once the server shuts down, also during an earlier terminate', async () => {
    const gate = deferred<void>();
    const { log, say, clock, connection } = open({
      handleIn: () => stop('normal', 0),
      terminate: () => gate.promise,
    });
    say('x');
    connection.shutDown(1012);
    gate.resolve();
    await settled();
    await clock.advance(1_999);
    expect(log).toEqual(['close:1000:']);
    await clock.advance(1);
    expect(log).toEqual(['close:1000:', 'destroy']);
  });

  it('ends all the same when what terminate returns cannot be looked at', () => {
    const errors: unknown[] = [];
    const note = (event: unknown) => errors.push((event as CallbackError).error);
    telemetry.callbackError.subscribe(note);
    const { log, say } = open({
      handleIn: () => stop('normal', 0),
      terminate: () => ({
        get then() {
          throw new Error('lazy');
        },
      }),
    });
    say('x');
    telemetry.callbackError.unsubscribe(note);
    expect(log).toEqual(['close:1000:']);
    expect(errors).toEqual([new Error('lazy')]);
  });

  it('drops the transport when the client does not answer the close frame within closeTimeout', async () => {
    const { log, say, clock, connection, registry } = open(
      { handleIn: () => stop('normal', 0) },
      { closeTimeout: 70 },
    );
    say('x');
    await clock.advance(70);
    expect(log).toEqual(['close:1000:', 'destroy']);
    connection.transportClosed();
    expect(registry.size).toBe(0);
  });

  it('counts what is dropped', async () => {
    const stops: ConnectionStop[] = [];
    const note = (event: unknown) => stops.push(event as ConnectionStop);
    telemetry.connectionStop.subscribe(note);
    const { say, connection } = open({ handleIn: async () => stop('normal', 0) });
    say('stops');
    say('dropped');
    connection.sendInfo('dropped');
    await settled();
    say('too late');
    connection.sendInfo('too late');
    connection.transportClosed();
    telemetry.connectionStop.unsubscribe(note);
    expect(stops).toMatchObject([{ droppedMessages: 2, droppedInfo: 2, reason: 'normal' }]);
  });
});

describe('info', () => {
  it('closes with 1013 past maxMailbox while a callback runs', async () => {
    const { seen, terminate } = witness();
    const gate = deferred<void>();
    const { say, connection, log } = open(
      {
        handleIn: async (_, state) => (await gate.promise, ok(state)),
        handleInfo: (_, state) => ok(state),
        terminate,
      },
      { maxMailbox: 2 },
    );
    say('busy');
    for (const message of [1, 2, 3]) connection.sendInfo(message);
    gate.resolve();
    await settled();
    expect(log).toEqual(['close:1013:']);
    expect(seen).toEqual([[['error', 'overload'], 'argument', 1013, 'server']]);
  });

  it('works the queue off where nothing holds it back', async () => {
    let handled = 0;
    const { connection, log } = open({ handleInfo: (_, state) => (handled++, ok(state)) }, { maxMailbox: 2 });
    for (let i = 0; i < 10; i++) connection.sendInfo(i);
    await settled();
    expect(handled).toBe(10);
    expect(log).toEqual([]);
  });

  it('delivers sendInfoAfter in time, cancels it, and lets it die with the connection', async () => {
    const { clock, connections, connection, log, say } = open({
      handleInfo: (message, state) => push(text(message), state),
      handleIn: () => stop('normal', 0),
    });
    connection.sendInfoAfter(100, 'own');
    connections.sendInfoAfter(connection.ref, 50, 'from elsewhere');
    connection.sendInfoAfter(60, 'cancelled')();
    connection.sendInfoAfter(500, 'never');
    await clock.advance(100);
    expect(log).toEqual(['text:from elsewhere', 'text:own']);
    say('stop');
    connection.transportClosed();
    expect(clock.pending).toBe(0);
    expect(() => connection.sendInfoAfter(-1, 'x')).toThrow(RangeError);
  });
});

describe('call', () => {
  const answering: AnyWebSock = {
    handleInfo: (message, state) => (message === '?' ? reply('!', [], state) : ok(state)),
    handleIn: () => stop('normal', 0),
  };

  it('resolves with the term of the reply', async () => {
    const { connections, connection } = open(answering);
    await expect(connections.call(connection.ref, '?')).resolves.toBe('!');
  });

  it('rejects with NoReplyError for another result, and for a handler without handleInfo', async () => {
    const { connections, connection } = open(answering);
    await expect(connections.call(connection.ref, 'tell')).rejects.toMatchObject({
      code: 'WEBSOCK_CALL_NO_REPLY',
    });
    const other = open(echo);
    await expect(other.connections.call(other.connection.ref, '?')).rejects.toMatchObject({
      code: 'WEBSOCK_CALL_NO_REPLY',
    });
  });

  it('rejects with ConnectionEndedError when the end is decided first, the call queued or running', async () => {
    const { connections, connection } = open({ handleInfo: () => new Promise(() => {}) });
    const running = connections.call(connection.ref, 'running');
    await settled();
    const queued = connections.call(connection.ref, 'queued');
    connection.receiveClose(1000, Buffer.alloc(0));
    await expect(running).rejects.toMatchObject({ code: 'WEBSOCK_CALL_ENDED' });
    await expect(queued).rejects.toMatchObject({ code: 'WEBSOCK_CALL_ENDED' });
  });

  it('rejects with ConnectionEndedError when handleInfo stops', async () => {
    const { connections, connection } = open({ handleInfo: () => stop('normal', 0) });
    await expect(connections.call(connection.ref, '?')).rejects.toMatchObject({ code: 'WEBSOCK_CALL_ENDED' });
  });

  it('rejects with CallTimeoutError after the timeout', async () => {
    const { connections, connection, clock } = open({ handleInfo: () => new Promise(() => {}) });
    const call = connections.call(connection.ref, '?', { timeout: 200 });
    const rejected = expect(call).rejects.toMatchObject({ code: 'WEBSOCK_CALL_TIMEOUT' });
    await clock.advance(200);
    await rejected;
  });

  it('rejects with UnknownRefError for a dead reference, where sendInfo is silent', async () => {
    const { connections, connection, say } = open(answering);
    say('stop');
    expect(connections.list()).toEqual([]);
    connections.sendInfo(connection.ref, 'nobody');
    await expect(connections.call(connection.ref, '?')).rejects.toMatchObject({
      code: 'WEBSOCK_CALL_UNKNOWN_REF',
    });
  });
});

describe('the idle clock', () => {
  const idle = { timeout: 1_000 };

  it('closes with 1001 after timeout ms without a byte; pushes do not restart it, bytes do', async () => {
    const { clock, log, transport, connection } = open(
      { handleInfo: (_, state) => push(text('tick'), state) },
      idle,
    );
    await clock.advance(900);
    transport.bytesReceived++;
    await clock.advance(900);
    connection.sendInfo('tick');
    await settled();
    expect(log).toEqual(['text:tick']);
    await clock.advance(250);
    expect(log).toEqual(['text:tick', 'close:1001:']);
  });

  it('stands still while a callback runs', async () => {
    const gate = deferred<void>();
    const { clock, log, connection } = open(
      { handleInfo: async (_, state) => (await gate.promise, ok(state)) },
      idle,
    );
    await clock.advance(500);
    connection.sendInfo('work');
    await settled();
    await clock.advance(5_000);
    gate.resolve();
    await settled();
    await clock.advance(490);
    expect(log).toEqual([]);
    await clock.advance(60);
    expect(log).toEqual(['close:1001:']);
  });

  it('stands still while reading is paused because a hosted socket holds messages back', async () => {
    const handled: unknown[] = [];
    const { clock, log, transport, connection, say } = open(
      { handleIn: ([, data], state) => (handled.push(data), ok(state)) },
      { ...idle, maxInbound: 1 },
    );
    const speaker = { isHolding: true, proceed() {} };
    connection.speaker = speaker;
    say('waits');
    expect(transport.paused).toBe(true);
    await clock.advance(5_000);
    expect(log).toEqual([]);
    speaker.isHolding = false;
    connection.wake();
    expect(handled).toEqual(['waits']);
    await clock.advance(900);
    expect(log).toEqual([]);
    await clock.advance(150);
    expect(log).toEqual(['close:1001:']);
  });

  it('pings a client that is silent for heartbeat ms', async () => {
    const { clock, log, transport } = open({}, { timeout: 1_000, heartbeat: 400 });
    await clock.advance(450);
    expect(log).toEqual(['ping:']);
    transport.bytesReceived++;
    await clock.advance(300);
    expect(log).toEqual(['ping:']);
  });

  it('destroys a client that takes nothing for sendTimeout ms, counting every byte taken as progress', async () => {
    const { seen, terminate } = witness();
    const { clock, log, transport, connection } = open(
      { terminate },
      { timeout: Infinity, sendTimeout: 500 },
    );
    transport.bufferedAmount = 100;
    await clock.advance(450);
    transport.bytesAccepted++;
    await clock.advance(450);
    expect(log).toEqual([]);
    await clock.advance(100);
    expect(log).toEqual(['destroy']);
    connection.transportClosed();
    expect(seen).toEqual([[['error', 'send_timeout'], 'argument', 1006, 'server']]);
  });
});

describe('telemetry', () => {
  const errors: CallbackError[] = [];
  const note = (event: unknown) => errors.push(event as CallbackError);
  afterEach(() => void telemetry.callbackError.unsubscribe(note));

  it('reports what a callback threw with handler and method', () => {
    telemetry.callbackError.subscribe(note);
    class Broken {
      handleIn(): never {
        throw new Error('oops');
      }
    }
    const { say, connection } = open(new Broken());
    say('x');
    expect(errors).toMatchObject([
      { handler: 'Broken', method: 'Broken.handleIn', ref: (connection as Connection).ref },
    ]);
  });
});
