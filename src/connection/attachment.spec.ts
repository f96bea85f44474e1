import { afterEach, describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { from, Observable, of, Subject, throwError, type Subscriber } from 'rxjs';
import { settled } from '../../test/support/fake-clock.js';
import { openConnection } from '../../test/support/fake-connection.js';
import { telemetry, type CallbackError, type ConnectionStop } from '../telemetry/events.js';
import type { Connection } from '../websock/connection.js';
import { text } from '../websock/message.js';
import type { WebSockOptions } from '../websock/options.js';
import { ok, push, stop } from '../websock/result.js';

/** Sends what `handleInfo` gets. */
const tell = {
  handleInfo: (message: unknown, state: unknown) => push(text(String(message)), state),
};

/** A handler whose `handleInfo` waits at each message until `next()`. */
function gated(options: WebSockOptions = {}) {
  const seen: unknown[] = [];
  let pass: (() => void) | undefined;
  const opened = openConnection(
    {
      handleInfo: (message, state) => {
        seen.push(message);
        return new Promise((resolve) => (pass = () => resolve(ok(state))));
      },
    },
    options,
  );
  const next = async () => {
    pass?.();
    await settled();
  };
  /** Holds the connection at one message. */
  const hold = async () => {
    opened.connection.sendInfo('held');
    await settled();
  };
  return { ...opened, seen, next, hold };
}

/** An endless generator, how often it was pulled, and whether its `finally` ran. */
function endless() {
  const facts = { pulls: 0, isClosed: false };
  async function* count() {
    try {
      for (;;) yield ++facts.pulls;
    } finally {
      facts.isClosed = true;
    }
  }
  return { source: count(), facts };
}

/** An Observable under control, and whether it is subscribed to. */
function emitter() {
  const facts = { isSubscribed: false };
  let subscriber!: Subscriber<unknown>;
  const source = new Observable<unknown>((to) => {
    subscriber = to;
    facts.isSubscribed = true;
    return () => (facts.isSubscribed = false);
  });
  return { source, facts, emit: (value: unknown) => subscriber.next(value), to: () => subscriber };
}

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
process.on('unhandledRejection', onUnhandled);
afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
});

const stops: ConnectionStop[] = [];
const errors: CallbackError[] = [];
const onStop = (event: unknown) => stops.push(event as ConnectionStop);
const onError = (event: unknown) => errors.push(event as CallbackError);
telemetry.connectionStop.subscribe(onStop);
telemetry.callbackError.subscribe(onError);
afterAll(() => {
  telemetry.connectionStop.unsubscribe(onStop);
  telemetry.callbackError.unsubscribe(onError);
});

afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
  expect(errors.splice(0)).toEqual([]);
  stops.length = 0;
});

const close = (connection: { receiveClose(code: number, reason: Uint8Array): void }) =>
  connection.receiveClose(1000, Buffer.alloc(0));

describe('values', () => {
  it('become info messages in order, and then done, from an async generator', async () => {
    const { connection, log } = openConnection(tell);
    async function* numbers() {
      yield 1;
      await settled();
      yield 2;
    }
    connection.attach(numbers());
    await settled();
    await settled();
    expect(log).toEqual(['text:1', 'text:2', 'text:done,stream']);
  });

  it('come from a Node stream, a web stream, and any Observable', async () => {
    const { connection, log } = openConnection(tell);
    connection.attach(Readable.from(['node']), undefined, { name: 'n' });
    connection.attach(ReadableStream.from(['web']), undefined, { name: 'w' });
    connection.attach(of('rx'), undefined, { name: 'r' });
    await settled();
    await settled();
    expect([...log].sort()).toEqual(
      ['text:done,n', 'text:done,r', 'text:done,w', 'text:node', 'text:rx', 'text:web'].sort(),
    );
  });

  it('come from what only stands for an Observable (Symbol.observable)', async () => {
    const { connection, log } = openConnection(tell);
    const key = ((Symbol as { observable?: symbol }).observable ?? '@@observable') as string;
    connection.attach({ [key]: () => of(1) } as never);
    await settled();
    expect(log).toEqual(['text:1', 'text:done,stream']);
  });

  it('are mapped', async () => {
    const { connection, log } = openConnection(tell);
    connection.attach(of(1, 2), (n) => n * 10);
    connection.attach(from([3]), (n) => `${n}!`, { name: 'other' });
    await settled();
    expect(log).toEqual(['text:10', 'text:20', 'text:done,stream', 'text:3!', 'text:done,other']);
  });

  it('wait for the callback that attaches, and stand among other info by arrival', async () => {
    const source = new Subject<string>();
    const { log } = openConnection({
      init: (_, connection: Connection) => {
        connection.sendInfo('before');
        connection.attach(source);
        source.next('value');
        connection.sendInfo('after');
        return push(text('init'), 0);
      },
      ...tell,
    });
    await settled();
    expect(log).toEqual(['text:init', 'text:before', 'text:value', 'text:after']);
  });

  it('are dropped and counted by a handler without handleInfo, whose source is still read to its end', async () => {
    const { connection } = openConnection({ handleIn: (_, state) => ok(state) });
    connection.attach(Readable.from(Array.from({ length: 40 }, (_, i) => i)));
    for (let i = 0; i < 5; i++) await settled();
    close(connection);
    connection.transportClosed();
    expect(stops).toMatchObject([{ droppedInfo: 41 }]);
  });
});

describe('a source that fails', () => {
  it('is a Node stream that has an error before it is asked', async () => {
    const { connection, seen, next, hold } = gated({ maxMailbox: 1 });
    await hold();
    connection.sendInfo('waits');
    const stream = new Readable({ read() {} });
    connection.attach(stream);
    const oops = new Error('oops');
    stream.destroy(oops);
    await settled();
    await next();
    await next();
    await next();
    expect(seen).toContainEqual(['error', 'stream', oops]);
  });

  it('is let go without a word where the connection has ended', async () => {
    const { connection } = openConnection(tell);
    close(connection);
    const stream = new Readable({ read() {} });
    connection.attach(stream);
    stream.destroy(new Error('oops'));
    await settled();
    expect(stream.destroyed).toBe(true);
  });

  it('tells so after its values', async () => {
    const { connection, seen, next, hold } = gated();
    await hold();
    const oops = new Error('oops');
    async function* failing() {
      yield 1;
      throw oops;
    }
    connection.attach(failing(), undefined, { name: 'iterable' });
    connection.attach(
      throwError(() => oops),
      undefined,
      { name: 'observable' },
    );
    await settled();
    for (let i = 0; i < 4; i++) await next();
    expect(seen).toContainEqual(['error', 'observable', oops]);
    expect(seen.filter((message) => !String(message).includes('observable'))).toEqual([
      'held',
      1,
      ['error', 'iterable', oops],
    ]);
  });

  it('is one that throws when it is opened', async () => {
    const { connection, seen, next } = gated();
    const locked = ReadableStream.from(['x']);
    locked.getReader();
    connection.attach(locked);
    connection.attach({
      subscribe() {
        throw new Error('no');
      },
    });
    await settled();
    await next();
    expect(seen).toEqual([
      ['error', 'stream', expect.objectContaining({ name: 'TypeError' })],
      ['error', 'stream', new Error('no')],
    ]);
  });

  it('is one whose map throws, and it is released', async () => {
    const { connection, seen, next } = gated();
    const { source, facts } = endless();
    const oops = new Error('oops');
    connection.attach(source, (n) => {
      if (n === 3) throw oops;
      return n;
    });
    await settled();
    for (let i = 0; i < 4; i++) await next();
    expect(seen).toEqual([1, 2, ['error', 'stream', oops]]);
    expect(facts).toEqual({ pulls: 3, isClosed: true });

    const observed = emitter();
    connection.attach(observed.source, () => {
      throw oops;
    });
    observed.emit(1);
    expect(observed.facts.isSubscribed).toBe(false);
  });
});

describe('an async iterable', () => {
  it('is pulled only while fewer than 16 of its values wait', async () => {
    const { connection, seen, next } = gated();
    const { source, facts } = endless();
    connection.attach(source);
    for (let i = 0; i < 20; i++) await settled();
    // One is being handled.
    expect(seen).toEqual([1]);
    expect(facts.pulls).toBe(17);
    await next();
    await next();
    expect(seen).toEqual([1, 2, 3]);
    expect(facts.pulls).toBe(19);
    close(connection);
  });

  it('is not pulled further while the client does not drain', async () => {
    const { connection, log, transport } = openConnection(tell);
    const { source, facts } = endless();
    transport.full = true;
    connection.attach(source);
    for (let i = 0; i < 20; i++) await settled();
    expect(log).toEqual(['text:1']);
    expect(facts.pulls).toBe(17);
    transport.full = false;
    transport.send = (_opcode, payload) => (log.push(`text:${String(payload)}`), log.length < 5);
    transport.drain();
    await settled();
    expect(log).toEqual(['text:1', 'text:2', 'text:3', 'text:4', 'text:5']);
    expect(facts.pulls).toBe(21);
    close(connection);
  });

  it('is not pulled while other info is at the mark', async () => {
    const { connection, next, hold } = gated({ maxMailbox: 3 });
    await hold();
    for (let i = 0; i < 3; i++) connection.sendInfo(i);
    const { source, facts } = endless();
    connection.attach(source);
    await settled();
    expect(facts.pulls).toBe(0);
    await next();
    // Two of the others wait.
    expect(facts.pulls).toBe(3);
    close(connection);
  });

  it('never fills the mailbox: other info still has all of it', async () => {
    const { connection, log, hold } = gated({ maxMailbox: 2 });
    await hold();
    for (let i = 0; i < 10; i++) connection.attach(endless().source);
    for (let i = 0; i < 10; i++) await settled();
    connection.sendInfo('a');
    connection.sendInfo('b');
    expect([connection.isEnding, log]).toEqual([false, []]);
    connection.sendInfo('c');
    expect(connection.isEnding).toBe(true);
  });

  it('that always has a value does not keep the process from everything else', async () => {
    let handled = 0;
    const { connection } = openConnection({ handleInfo: (_, state) => (handled++, ok(state)) });
    connection.attach(endless().source);
    await settled();
    await settled();
    expect(handled).toBeGreaterThan(0);
    close(connection);
  });

  it('takes turns with another', async () => {
    const { connection, seen, next } = gated();
    const a = endless();
    const b = endless();
    connection.attach(a.source, (n) => `a${n}`);
    connection.attach(b.source, (n) => `b${n}`);
    for (let i = 0; i < 20; i++) await settled();
    for (let i = 0; i < 9; i++) await next();
    expect(seen.filter((message) => String(message).startsWith('a'))).toHaveLength(5);
    expect(seen.filter((message) => String(message).startsWith('b'))).toHaveLength(5);
    // Each has a window of its own; those handled are replaced.
    expect(a.facts.pulls + b.facts.pulls).toBe(10 + 2 * 16);
    close(connection);
  });
});

describe('an Observable past maxMailbox', () => {
  const fill = async (overflow?: 'close' | 'drop-oldest' | 'drop-newest') => {
    const opened = gated({ maxMailbox: 3 });
    await opened.hold();
    const stream = emitter();
    opened.connection.attach(stream.source, undefined, overflow && { overflow });
    for (const value of [1, 2, 3, 4, 5]) stream.emit(value);
    const rest = async () => {
      for (let i = 0; i < 6; i++) await opened.next();
      close(opened.connection);
      opened.connection.transportClosed();
    };
    return { ...opened, stream, rest };
  };

  it('ends the connection with 1013, as any info does', async () => {
    const { rest, log, seen, stream } = await fill();
    expect(stream.facts.isSubscribed).toBe(false);
    await rest();
    expect(log).toEqual(['close:1013:']);
    // 4 was too much, and 5 came after the unsubscribe. What was received before is handled.
    expect(seen).toEqual(['held', 1, 2, 3]);
    expect(stops).toMatchObject([{ reason: ['error', 'overload'], droppedInfo: 1 }]);
  });

  it('drops the newest', async () => {
    const { rest, seen, stream } = await fill('drop-newest');
    expect(stream.facts.isSubscribed).toBe(true);
    await rest();
    expect(seen).toEqual(['held', 1, 2, 3]);
    expect(stops).toMatchObject([{ reason: 'remote', droppedInfo: 2 }]);
  });

  it('drops the oldest', async () => {
    const { rest, seen } = await fill('drop-oldest');
    await rest();
    expect(seen).toEqual(['held', 3, 4, 5]);
    expect(stops).toMatchObject([{ reason: 'remote', droppedInfo: 2 }]);
  });

  it('drops of its own only, and the value itself where none of its own waits', async () => {
    const { connection, seen, next, hold } = gated({ maxMailbox: 3 });
    await hold();
    for (const message of ['a', 'b', 'c']) connection.sendInfo(message);
    const { source, emit } = emitter();
    connection.attach(source, undefined, { overflow: 'drop-oldest' });
    emit(1);
    await next();
    emit(2);
    emit(3);
    for (let i = 0; i < 4; i++) await next();
    expect(seen).toEqual(['held', 'a', 'b', 'c', 3]);
  });

  it('still tells that it is done, or has failed', async () => {
    for (const overflow of ['close', 'drop-oldest', 'drop-newest'] as const) {
      const { connection, seen, next, hold } = gated({ maxMailbox: 2 });
      await hold();
      connection.attach(of('x', 'y'), undefined, { name: 'a', overflow });
      connection.attach(
        throwError(() => 'e'),
        undefined,
        { name: 'b', overflow },
      );
      for (let i = 0; i < 4; i++) await next();
      expect(seen).toEqual(['held', 'x', 'y', ['done', 'a'], ['error', 'b', 'e']]);
    }
  });

  it('is simply worked off where nothing keeps the connection', async () => {
    const { connection, log } = openConnection(tell, { maxMailbox: 2 });
    connection.attach(of(1, 2, 3, 4), undefined, { overflow: 'drop-newest' });
    await settled();
    expect(log).toEqual(['text:1', 'text:2', 'text:3', 'text:4', 'text:done,stream']);
  });
});

describe('the end of the connection', () => {
  it('releases every source as soon as it is decided, also while a callback runs', async () => {
    const { connection, hold } = gated();
    const observed = emitter();
    const iterated = endless();
    const node = Readable.from(['x']);
    let isCancelled = false;
    const web = new ReadableStream({ cancel: () => void (isCancelled = true) });
    connection.attach(observed.source);
    connection.attach(iterated.source);
    connection.attach(node);
    connection.attach(web);
    await hold();
    expect([observed.facts.isSubscribed, iterated.facts.isClosed]).toEqual([true, false]);
    close(connection);
    await settled();
    expect([observed.facts.isSubscribed, iterated.facts.isClosed]).toEqual([false, true]);
    expect([node.destroyed, isCancelled]).toEqual([true, true]);
  });

  it('destroys a Node stream, and cancels a web stream, from which nothing comes', async () => {
    const { connection } = openConnection(tell);
    const node = new Readable({ read() {} });
    let isCancelled = false;
    const web = new ReadableStream({ cancel: () => void (isCancelled = true) });
    connection.attach(node);
    connection.attach(web);
    await settled();
    connection.transportClosed();
    await settled();
    expect([node.destroyed, isCancelled]).toEqual([true, true]);
  });

  it('comes by a stop too', async () => {
    const { source, facts } = endless();
    const { connection, log } = openConnection({ handleInfo: () => stop('normal', 0) });
    connection.attach(source);
    await settled();
    expect([log, facts.isClosed]).toEqual([['close:1000:'], true]);
  });

  it('drops what is still awaited, silently: a value, a failure', async () => {
    const { connection, log } = openConnection(tell);
    const pending: ((value: unknown) => void)[] = [];
    const waiting = { next: () => new Promise<any>((resolve) => pending.push(resolve)) };
    connection.attach({ [Symbol.asyncIterator]: () => waiting });
    connection.attach({ [Symbol.asyncIterator]: () => waiting });
    close(connection);
    connection.transportClosed();
    pending[0]!({ done: false, value: 'late' });
    pending[1]!(Promise.reject(new Error('late')));
    await settled();
    expect(log).toEqual(['close:1000:']);
    expect(stops).toMatchObject([{ droppedInfo: 0 }]);
  });

  it('still handles values that were waiting before the client closed', async () => {
    const { connection, seen, next, hold } = gated();
    await hold();
    connection.attach(of(1, 2));
    close(connection);
    for (let i = 0; i < 3; i++) await next();
    expect(seen).toEqual(['held', 1, 2, ['done', 'stream']]);
  });

  it('is not stopped by a release that throws or rejects: that is reported', async () => {
    const { connection, log } = openConnection(tell);
    const failing = (fail: () => unknown) => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: fail as never }),
    });
    connection.attach(failing(() => Promise.reject(new Error('rejected'))));
    connection.attach(
      failing(() => {
        throw new Error('thrown');
      }),
    );
    connection.attach(new Observable(() => () => { throw new Error('teardown'); })); // prettier-ignore
    // The work was called off: nothing to report.
    connection.attach(failing(() => Promise.reject(new DOMException('off', 'AbortError'))));
    close(connection);
    await settled();
    expect(log).toEqual(['close:1000:']);
    const reported = errors.splice(0).map(({ method, error }) => `${method}: ${(error as Error).name}`);
    expect(reported.sort()).toEqual([
      'WebSock.attach: Error',
      'WebSock.attach: Error',
      'WebSock.attach: UnsubscriptionError',
    ]);
  });

  it('may come while an Observable is being subscribed to: it is unsubscribed after all', async () => {
    const { connection, log } = openConnection(tell);
    let teardowns = 0;
    const eager = {
      subscribe(observer: { next(value: number): void }) {
        for (let i = 1; i <= 3; i++) observer.next(i);
        return { unsubscribe: () => teardowns++ };
      },
    };
    connection.attach(eager, (n) => {
      if (n === 2) close(connection);
      return n;
    });
    await settled();
    expect([log, teardowns]).toEqual([['text:1', 'close:1000:'], 1]);
  });

  it('has been decided already: the source is released at once and gives nothing', async () => {
    const { connection, log } = openConnection(tell);
    close(connection);
    const observed = emitter();
    const iterated = endless();
    const node = Readable.from(['x']);
    connection.attach(observed.source);
    connection.attach(iterated.source);
    const detach = connection.attach(node);
    detach();
    await settled();
    expect([observed.facts.isSubscribed, iterated.facts.pulls, node.destroyed]).toEqual([false, 0, true]);
    expect(await iterated.source.next()).toEqual({ done: true, value: undefined });
    expect(log).toEqual(['close:1000:']);
  });
});

describe('detach', () => {
  it('releases the source, drops what waits of it and tells nothing, once', async () => {
    const { connection, seen, next, hold } = gated({ maxMailbox: 10 });
    await hold();
    const { source, facts } = endless();
    const detach = connection.attach(source);
    for (let i = 0; i < 20; i++) await settled();
    connection.sendInfo('other');
    detach();
    detach();
    await settled();
    expect(facts).toEqual({ pulls: 10, isClosed: true });
    await next();
    await next();
    expect(seen).toEqual(['held', 'other']);
    close(connection);
    connection.transportClosed();
    expect(stops).toMatchObject([{ droppedInfo: 0 }]);
  });

  it('is the last of it: a value, an end and a failure that were awaited are dropped', async () => {
    const { connection, log } = openConnection(tell);
    const steps: ((step: unknown) => void)[] = [];
    const awaited = { next: () => new Promise<any>((resolve) => steps.push(resolve)) };
    for (let i = 0; i < 3; i++) connection.attach({ [Symbol.asyncIterator]: () => awaited })();
    steps[0]!({ done: false, value: 'late' });
    steps[1]!({ done: true });
    steps[2]!(Promise.reject(new Error('late')));
    await settled();
    expect(log).toEqual([]);
  });

  it('may be called by map: that value goes too', async () => {
    const { connection, log } = openConnection(tell);
    const source = new Subject<number>();
    const detach = connection.attach(source, (n) => {
      if (n === 2) detach();
      return n;
    });
    source.next(1);
    await settled();
    source.next(2);
    source.next(3);
    await settled();
    expect(log).toEqual(['text:1']);
  });

  it.each([
    ['Observable', () => of(1, 2)],
    ['iterable', () => endless().source],
  ])('gives the room of an %s back, no more and no less', async (_, source) => {
    const { connection, hold } = gated({ maxMailbox: 3 });
    await hold();
    connection.sendInfo('before');
    const detach = connection.attach(source());
    for (let i = 0; i < 5; i++) await settled();
    detach();
    connection.sendInfo('a');
    connection.sendInfo('b');
    expect(connection.isEnding).toBe(false);
    connection.sendInfo('c');
    expect(connection.isEnding).toBe(true);
  });
});

describe('the async context', () => {
  it('is that of the connection in map, in handleInfo, in next() and at the release, whoever emits or attaches', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen = new Set<string>();
    const note = (where: string) => seen.add(`${where} ${storage.getStore()}`);
    const { connection } = storage.run('own', () =>
      openConnection({ handleInfo: (_, state) => (note('handleInfo'), ok(state)) }),
    );
    async function* numbers() {
      try {
        for (let i = 0; ; i++) {
          note('next');
          await settled();
          yield i;
        }
      } finally {
        note('return');
      }
    }
    const stream = new Subject<number>();
    const observed = new Observable<number>((to) => {
      note('subscribe');
      const subscription = stream.subscribe(to);
      return () => {
        note('unsubscribe');
        subscription.unsubscribe();
      };
    });
    await storage.run('other', async () => {
      connection.attach(numbers(), () => note('map of an iterable'));
      connection.attach(observed, () => note('map of an Observable'));
      stream.next(1);
      for (let i = 0; i < 5; i++) await settled();
      close(connection);
      for (let i = 0; i < 3; i++) await settled();
    });
    expect([...seen].sort()).toEqual([
      'handleInfo own',
      'map of an Observable own',
      'map of an iterable own',
      'next own',
      'return own',
      'subscribe own',
      'unsubscribe own',
    ]);
  });
});

describe('attach', () => {
  it.each([
    ['a source', [[1, 2]], /^attach: the source must be an Observable, an async iterable, a Node stream or a web stream, not \[ 1, 2 \]$/],
    ['no source', [undefined], /the source must be .* not undefined/],
    ['a promise', [Promise.resolve(1)], /the source must be/],
    ['a map', [of(1), 'map'], /^attach: map must be a function, not 'map'$/],
    ['a name', [of(1), undefined, { name: 1 }], /^attach: name must be a string, not 1$/],
    ['an overflow', [of(1), undefined, { overflow: 'drop' }], /^attach: overflow must be 'close', 'drop-oldest' or 'drop-newest', not 'drop'$/],
  ])('refuses %s that is none', (_, args, message) => {
    const { connection } = openConnection(tell);
    const attach = () => connection.attach(...(args as [never]));
    expect(attach).toThrow(TypeError);
    expect(attach).toThrow(message as RegExp);
  }); // prettier-ignore
});
