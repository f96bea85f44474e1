import { afterEach, describe, expect, it } from '@jest/globals';
import { settled } from '../../test/support/fake-clock.js';
import { openConnection } from '../../test/support/fake-connection.js';
import {
  telemetry,
  type CallbackError,
  type CallbackOverrun,
  type ConnectionStop,
} from '../telemetry/events.js';
import type { CloseReason } from '../websock/close.js';
import type { Connection } from '../websock/connection.js';
import { ConnectionEndedError, NoReplyError, ResultError } from '../websock/errors.js';
import { text } from '../websock/message.js';
import { ok, push, reply, stop, type ResultStream } from '../websock/result.js';
import { PendingCall } from './call.js';

const errors: CallbackError[] = [];
const overruns: CallbackOverrun[] = [];
const stops: ConnectionStop[] = [];
const onError = (event: unknown) => errors.push(event as CallbackError);
const onOverrun = (event: unknown) => overruns.push(event as CallbackOverrun);
const onStop = (event: unknown) => stops.push(event as ConnectionStop);
telemetry.callbackError.subscribe(onError);
telemetry.callbackOverrun.subscribe(onOverrun);
telemetry.connectionStop.subscribe(onStop);
afterAll(() => {
  telemetry.callbackError.unsubscribe(onError);
  telemetry.callbackOverrun.unsubscribe(onOverrun);
  telemetry.connectionStop.unsubscribe(onStop);
});

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
process.on('unhandledRejection', onUnhandled);
afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
});

afterEach(() => {
  expect(errors.splice(0)).toEqual([]);
  expect(overruns.splice(0)).toEqual([]);
  expect(unhandled.splice(0)).toEqual([]);
  stops.length = 0;
});

/** The methods of the reported errors, which are then forgotten. */
const failed = () => errors.splice(0).map(({ method }) => method);
const givenUp = () => overruns.splice(0).map(({ method, limit }) => `${method} ${limit}`);

/** A promise and the means to settle it. */
function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** Waits until aborted, as `setTimeout` of node:timers/promises and `fetch` do. */
function untilAborted({ signal }: Connection): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new DOMException('This operation was aborted', 'AbortError'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

const close = (connection: { receiveClose(code: number, reason: Uint8Array): void }) =>
  connection.receiveClose(1000, Buffer.alloc(0));

describe('a callback that is an async generator', () => {
  it('has each result applied in order, the state kept between them, and a returned one last', async () => {
    const { say, log } = openConnection({
      init: () => ok(0),
      async *handleIn([, data], state: number): ResultStream<number> {
        for (const word of String(data).split(' ')) yield push(text(`${word} ${++state}`), state);
        yield ok(state + 10);
        return push(text('end'), state + 20);
      },
      handleInfo: (_, state: number) => push(text(`${state}`), state),
    });
    say('a b');
    await settled();
    say('c');
    await settled();
    expect(log).toEqual(['text:a 1', 'text:b 2', 'text:end', 'text:c 23', 'text:end']);
  });

  it('may end without a result: what it yielded last stands', async () => {
    const { say, connection, log } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        if (state === 'argument') yield ok('new');
      },
      handleInfo: (_, state) => push(text(String(state)), state),
    });
    say('yields');
    say('yields nothing');
    connection.sendInfo('?');
    await settled();
    expect(log).toEqual(['text:new']);
  });

  it('lets the rest of the process run though it never waits for anything', async () => {
    let others = 0;
    const { say, log } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        while (others === 0) yield ok(state);
        yield push(text('done'), state);
      },
    });
    say('go');
    await new Promise<void>((resolve) => setImmediate(() => resolve(void others++)));
    await settled();
    expect(log).toEqual(['text:done']);
  });

  it('makes other messages wait until it has ended', async () => {
    const gate = deferred();
    const { say, connection, log } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        yield push(text('one'), state);
        await gate.promise;
        yield push(text('two'), state);
      },
      handleInfo: (message, state) => push(text(String(message)), state),
    });
    say('go');
    connection.sendInfo('info');
    await settled();
    expect(log).toEqual(['text:one']);
    gate.resolve();
    await settled();
    expect(log).toEqual(['text:one', 'text:two', 'text:info']);
  });

  it('is asked for more only when the client has drained, in the middle of a list too', async () => {
    let asked = 0;
    const { say, log, transport } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        for (;;) yield push([text(`${++asked}a`), text(`${asked}b`)], state);
      },
    });
    transport.full = true;
    say('go');
    for (let i = 0; i < 5; i++) await settled();
    expect([log, asked]).toEqual([['text:1a'], 1]);
    transport.listener.drained();
    for (let i = 0; i < 5; i++) await settled();
    expect([log, asked]).toEqual([['text:1a', 'text:1b'], 1]);
    transport.listener.drained();
    for (let i = 0; i < 5; i++) await settled();
    expect([log.at(-1), asked]).toEqual(['text:2a', 2]);
    close(transport.listener);
    await settled();
  });

  it('may be what an async method returns', async () => {
    async function* words(state: unknown): ResultStream<unknown> {
      yield push(text('streamed'), state);
    }
    const { say, log } = openConnection({
      handleIn: (async (_: unknown, state: unknown) => (await null, words(state))) as never,
    });
    say('go');
    await settled();
    expect(log).toEqual(['text:streamed']);
  });

  it('closes with 1011 on a bad result, which is named, and runs its finally first', async () => {
    const order: string[] = [];
    class Room {
      async *handleIn(): ResultStream<unknown> {
        try {
          yield push(text('good'), 'newest');
          yield push([text('unsent'), ['ping', 'x'.repeat(126)]], 'bad');
        } finally {
          order.push('finally');
        }
      }
      terminate([, error]: CloseReason, state: unknown) {
        order.push(`terminate ${String(state)}: ${String(error)}`);
      }
    }
    const { say, log } = openConnection(new Room() as never);
    say('go');
    await settled();
    expect(log).toEqual(['text:good', 'close:1011:']);
    expect(order).toEqual([
      'finally',
      'terminate newest: ResultError: Room.handleIn() returned a bad result: a ping has at most 125 bytes of payload, not 126',
    ]);
    expect(errors.splice(0)).toMatchObject([{ method: 'Room.handleIn', error: expect.any(ResultError) }]);
  });

  it('closes with 1011 on a bad result though its finally hangs', async () => {
    const { clock, say, log } = openConnection(
      {
        async *handleIn(): ResultStream<unknown> {
          try {
            yield 'bad' as never;
          } finally {
            await new Promise(() => {});
          }
        },
      },
      { terminateTimeout: 50 },
    );
    say('go');
    await settled();
    await clock.advance(50);
    await settled();
    expect(log).toEqual(['close:1011:']);
    expect(failed()).toEqual(['WebSock.handleIn']);
    expect(givenUp()).toEqual(['WebSock.handleIn 50']);
  });

  it('closes with 1011 where an iterator of its own gives no object', async () => {
    const { say, log } = openConnection({
      handleIn: () => ({ [Symbol.asyncIterator]: () => {}, next: () => Promise.resolve() }) as never,
    });
    say('go');
    await settled();
    expect(log).toEqual(['close:1011:']);
    expect(failed()).toEqual(['WebSock.handleIn']);
  });

  it('closes with 1011 when it throws, with the newest state', async () => {
    let ended: unknown;
    const { say, log } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        yield push(text('one'), `${String(state)} 1`);
        throw new Error('oops');
      },
      terminate: (reason, state) => (ended = [reason, state]),
    });
    say('go');
    say('dropped');
    await settled();
    expect(log).toEqual(['text:one', 'close:1011:']);
    expect(ended).toEqual([['error', new Error('oops')], 'argument 1']);
    expect(failed()).toEqual(['WebSock.handleIn']);
  });

  it('ends with a stop that it yields: finally, terminate, the close frame', async () => {
    const order: string[] = [];
    const { say, log } = openConnection({
      async *handleIn(_, state): ResultStream<unknown> {
        try {
          yield stop('normal', 1000, [text('bye')], state);
          order.push('went on');
        } finally {
          await settled();
          order.push('finally');
        }
      },
      terminate: (reason) => order.push(`terminate ${String(reason)}`),
    });
    say('go');
    for (let i = 0; i < 3; i++) await settled();
    expect(log).toEqual(['text:bye', 'close:1000:']);
    expect(order).toEqual(['finally', 'terminate normal']);
  });
});

describe('init as an async generator', () => {
  it('is bounded by upgradeTimeout until its first result', async () => {
    const gate = deferred();
    const { clock, log, say } = openConnection(
      {
        async *init(): ResultStream<number> {
          yield push(text('first'), 1);
          await gate.promise;
          yield push(text('second'), 2);
        },
        handleIn: (_, state) => push(text(`in ${String(state)}`), state),
      },
      { upgradeTimeout: 100 },
    );
    say('x');
    await settled();
    await clock.advance(1_000);
    expect(log).toEqual(['text:first']);
    gate.resolve();
    await settled();
    expect(log).toEqual(['text:first', 'text:second', 'text:in 2']);
  });

  it('that overruns it closes with 1011 without terminate', async () => {
    let terminated = false;
    const { clock, log } = openConnection(
      {
        async *init(): ResultStream<number> {
          await new Promise(() => {});
          yield ok(1);
        },
        terminate: () => (terminated = true),
      },
      { upgradeTimeout: 100 },
    );
    await clock.advance(101);
    expect([log, terminated]).toEqual([['close:1011:'], false]);
    expect(givenUp()).toEqual(['WebSock.init 100']);
  });

  it('that yields nothing gives no state: 1011', async () => {
    let terminated = false;
    const { log } = openConnection({
      async *init(): ResultStream<number> {},
      terminate: () => (terminated = true),
    });
    await settled();
    expect([log, terminated]).toEqual([['close:1011:'], false]);
    expect(failed()).toEqual(['WebSock.init']);
  });
});

describe('handleInfo as an async generator', () => {
  const answering = {
    async *handleInfo(message: unknown, state: unknown): ResultStream<unknown> {
      yield push(text('working'), state);
      if (message === 'ask') yield reply('answer', text('answered'), state);
      yield push(text('done'), state);
    },
  };
  const call = (opened: ReturnType<typeof openConnection>, message: unknown) => {
    const pending = new PendingCall(opened.connection.ref, 1_000, opened.clock);
    opened.connection.receiveInfo(message, pending);
    return pending.promise;
  };

  it('answers a call with a reply that it yields', async () => {
    const opened = openConnection(answering);
    expect(await call(opened, 'ask')).toBe('answer');
    await settled();
    expect(opened.log).toEqual(['text:working', 'text:answered', 'text:done']);
  });

  it('that yields no reply is NoReplyError, at its end', async () => {
    await expect(call(openConnection(answering), 'tell')).rejects.toBeInstanceOf(NoReplyError);
  });

  it('whose connection ends first is ConnectionEndedError', async () => {
    const opened = openConnection({
      async *handleInfo(_, state, connection): ResultStream<unknown> {
        yield ok(state);
        await untilAborted(connection);
      },
    });
    const answer = call(opened, 'ask');
    await settled();
    close(opened.connection);
    await expect(answer).rejects.toBeInstanceOf(ConnectionEndedError);
    await settled();
  });
});

describe('the end of the connection, while a generator runs', () => {
  /** A handler whose generator waits at a gate after its first result, and what happens when. */
  function waiting(wait: (connection: Connection) => Promise<unknown>, cleanUp = async () => {}) {
    const order: string[] = [];
    const opened = openConnection(
      {
        async *handleIn(_, __, connection): ResultStream<unknown> {
          try {
            yield push(text('one'), 'newest');
            await wait(connection);
            yield push(text('two'), 'late');
            order.push('went on');
          } finally {
            order.push(`finally${connection.signal.aborted ? ', aborted' : ''}`);
            await cleanUp();
            order.push('cleaned up');
          }
        },
        terminate: (reason, state) => order.push(`terminate ${String(reason)} ${String(state)}`),
      },
      { terminateTimeout: 100 },
    );
    opened.say('go');
    return { ...opened, order };
  }

  it('aborts the signal, runs its finally and then terminate; what the signal ended is no error', async () => {
    const { connection, log, order } = waiting(untilAborted);
    await settled();
    close(connection);
    await settled();
    expect(order).toEqual(['finally, aborted', 'cleaned up', 'terminate remote newest']);
    expect(log).toEqual(['text:one', 'close:1000:']);
  });

  it('applies the result at hand, and asks for no other: return() is called', async () => {
    const gate = deferred();
    const { connection, log, order } = waiting(() => gate.promise, settled);
    await settled();
    connection.shutDown(1012);
    gate.resolve();
    for (let i = 0; i < 3; i++) await settled();
    expect(order).toEqual(['finally, aborted', 'cleaned up', 'terminate shutdown late']);
    expect(log).toEqual(['text:one', 'text:two', 'close:1012:']);
  });

  it('calls return() at once where it waits for the client to drain, and drops what is unsent when that is gone', async () => {
    const { connection, log, order, transport } = waiting(async () => {
      transport.full = true;
    });
    await settled();
    expect(log).toEqual(['text:one', 'text:two']);
    connection.transportClosed();
    await settled();
    expect(order).toEqual(['finally, aborted', 'cleaned up', 'terminate error,closed late']);
  });

  it('reports what its finally throws, but ends as it would have', async () => {
    const { connection, log, order } = waiting(untilAborted, () => Promise.reject(new Error('oops')));
    await settled();
    close(connection);
    await settled();
    expect(order).toEqual(['finally, aborted', 'terminate remote newest']);
    expect(log).toEqual(['text:one', 'close:1000:']);
    expect(failed()).toEqual(['WebSock.handleIn']);
  });

  it('gives up a next() that hangs after terminateTimeout; what comes late is ignored', async () => {
    const gate = deferred();
    const { connection, log, order, clock } = waiting(() => gate.promise);
    await settled();
    close(connection);
    await clock.advance(99);
    expect(order).toEqual([]);
    await clock.advance(1);
    expect(order).toEqual(['terminate remote newest']);
    expect(log).toEqual(['text:one', 'close:1000:']);
    expect(givenUp()).toEqual(['WebSock.handleIn 100']);
    gate.resolve();
    await settled();
    expect(order).toEqual(['terminate remote newest', 'finally, aborted', 'cleaned up']);
    expect(log).toEqual(['text:one', 'close:1000:']);
  });

  it('gives up a finally that hangs after terminateTimeout', async () => {
    const { connection, log, order, clock } = waiting(untilAborted, () => new Promise(() => {}));
    await settled();
    close(connection);
    await clock.advance(99);
    expect(order).toEqual(['finally, aborted']);
    await clock.advance(1);
    expect(order).toEqual(['finally, aborted', 'terminate remote newest']);
    expect(log).toEqual(['text:one', 'close:1000:']);
    expect(givenUp()).toEqual(['WebSock.handleIn 100']);
  });

  it('gives up the finally after its own stop, too', async () => {
    const { say, log, clock } = openConnection(
      {
        async *handleIn(_, state): ResultStream<unknown> {
          try {
            yield stop('normal', state);
          } finally {
            await new Promise(() => {});
          }
        },
      },
      { terminateTimeout: 100 },
    );
    say('go');
    await settled();
    await clock.advance(99);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['close:1000:']);
    expect(givenUp()).toEqual(['WebSock.handleIn 100']);
  });

  it('leaves no timer behind', async () => {
    const { connection, clock } = waiting(untilAborted);
    await settled();
    close(connection);
    await settled();
    connection.transportClosed();
    await settled();
    expect(clock.pending).toBe(0);
  });

  it('is told in its start and stop once', async () => {
    const { connection } = waiting(untilAborted);
    await settled();
    close(connection);
    await settled();
    connection.transportClosed();
    expect(stops).toMatchObject([{ reason: 'remote' }]);
  });
});
