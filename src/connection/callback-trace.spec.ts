import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { tracesOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { settled } from '../../test/support/fake-clock.js';
import { openConnection } from '../../test/support/fake-connection.js';
import { callbackTracing, type CallbackTrace } from '../telemetry/callback-tracing.js';
import { text } from '../websock/message.js';
import { ok, push } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import { handlerOf } from './handler.js';

const byStep = (step: string, { callback }: CallbackTrace) => `${callback} ${step}`;

describe('callback tracing', () => {
  afterEach(unsubscribeAll);

  it('publishes start and end around a synchronous callback', () => {
    const lines = tracesOf(byStep);
    const { connection, say } = openConnection({
      init: () => ok(0),
      handleIn: (_message, state) => {
        lines.push('in it');
        return ok(state);
      },
      handleControl: (_message, state) => ok(state),
      terminate: () => {},
    });
    say('x');
    connection.receiveControl(['ping', Buffer.alloc(0)]);
    connection.transportClosed();
    expect(lines).toEqual([
      'init start',
      'init end',
      'handleIn start',
      'in it',
      'handleIn end',
      'handleControl start',
      'handleControl end',
      'terminate start',
      'terminate end',
    ]);
  });

  it('tells who runs, whether it is asynchronous, and nothing of messages', async () => {
    const traces: CallbackTrace[] = [];
    tracesOf((_step, trace) => String(traces.push(trace)));
    class Room {
      async handleInfo(_message: unknown, state: unknown) {
        return push(text('secret'), state);
      }
    }
    const { connection, clock } = openConnection(new Room() as WebSock);
    connection.sendInfo('secret');
    await clock.advance(0);
    await settled();
    const { app, ref } = connection;
    expect(traces).toHaveLength(4);
    expect(new Set(traces).size).toBe(1);
    expect({ ...traces[0] }).toEqual({
      app,
      ref,
      handler: 'Room',
      callback: 'handleInfo',
      method: 'Room.handleInfo',
      isAsync: true,
      error: undefined,
    });
  });

  it('publishes asyncStart and asyncEnd when a promise has settled, before the result is applied', async () => {
    const lines = tracesOf(byStep);
    const { say, log } = openConnection({
      handleIn: async (_message, state) => {
        await Promise.resolve();
        return push(text('x'), state);
      },
    });
    say('x');
    expect(lines).toEqual(['handleIn start', 'handleIn end']);
    await settled();
    expect(lines.slice(2)).toEqual(['handleIn asyncStart', 'handleIn asyncEnd']);
    expect(log).toEqual(['text:x']);
  });

  it('publishes the error of a callback that throws, and of one that rejects', async () => {
    const lines = tracesOf((step, { error }) => `${step} ${(error as Error | undefined)?.message}`);
    const thrown = openConnection({
      handleIn: () => {
        throw new Error('thrown');
      },
    });
    thrown.say('x');
    expect(lines.splice(0)).toEqual(['start undefined', 'error thrown', 'end thrown']);
    const rejected = openConnection({ handleIn: async () => Promise.reject(new Error('rejected')) });
    rejected.say('x');
    await settled();
    expect(lines).toEqual([
      'start undefined',
      'end undefined',
      'error rejected',
      'asyncStart rejected',
      'asyncEnd rejected',
    ]);
    expect([thrown.log, rejected.log]).toEqual([['close:1011:'], ['close:1011:']]);
  });

  it('follows a generator to its end, also when the connection ends it', async () => {
    const lines = tracesOf(byStep);
    async function* count(state: number, to: number) {
      for (let i = 0; i < to; i++) yield push(text(`${i}`), state);
    }
    const { say, log } = openConnection({ handleIn: (_message, state) => count(state, 2) });
    say('x');
    await settled();
    const steps = ['handleIn start', 'handleIn end', 'handleIn asyncStart', 'handleIn asyncEnd'];
    expect(lines.splice(0)).toEqual(steps);
    expect(log).toEqual(['text:0', 'text:1']);
    const endless = openConnection({ handleIn: (_message, state) => count(state, Infinity) });
    endless.transport.full = true;
    endless.say('x');
    await settled();
    endless.connection.transportClosed();
    await settled();
    expect(lines).toEqual(steps);
  });

  it('names the method that was chosen among several, at end or once it is', async () => {
    const lines = tracesOf((step, { method }) => `${step} ${method}`);
    const websock: WebSock<any> = {
      handleIn: async ([, data], state) => {
        if (data === 'later') await Promise.resolve();
        connection.runningMethod = `on_${data}`;
        return ok(state);
      },
    };
    const { connection, say } = openConnection({ ...handlerOf(websock), name: 'Room' });
    say('now');
    await settled();
    say('later');
    await settled();
    expect(lines).toEqual([
      'start Room.handleIn',
      'end Room.on_now',
      'asyncStart Room.on_now',
      'asyncEnd Room.on_now',
      'start Room.handleIn',
      'end Room.handleIn',
      'asyncStart Room.on_later',
      'asyncEnd Room.on_later',
    ]);
  });
});

describe('a store bound to the start of callbacks', () => {
  const store = new AsyncLocalStorage<string>();
  let runs = 0;

  const bind = () => callbackTracing.start.bindStore(store, ({ callback }) => `${callback} ${++runs}`);
  afterEach(() => {
    callbackTracing.start.unbindStore(store);
    runs = 0;
  });

  it('is current in the callback and in what it continues, each run its own', async () => {
    bind();
    const seen: unknown[] = [];
    const { say } = openConnection({
      handleIn: async (_message, state) => {
        seen.push(store.getStore());
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(store.getStore());
        return ok(state);
      },
    });
    say('one');
    say('two');
    await settled();
    await settled();
    expect(seen).toEqual(['handleIn 1', 'handleIn 1', 'handleIn 2', 'handleIn 2']);
    expect(store.getStore()).toBeUndefined();
  });

  it('is current in every step of a generator, and in its finally', async () => {
    bind();
    const seen: unknown[] = [];
    const { say, transport, connection } = openConnection({
      async *handleIn(_message, state) {
        try {
          for (;;) {
            seen.push(store.getStore());
            yield push(text('x'), state);
          }
        } finally {
          seen.push(store.getStore());
        }
      },
    });
    transport.full = true;
    say('x');
    await settled();
    transport.full = true;
    transport.listener.drained();
    await settled();
    connection.transportClosed();
    await settled();
    expect(seen).toEqual(['handleIn 1', 'handleIn 1', 'handleIn 1']);
  });

  it('is around what a subscriber asks the callback to be called within', async () => {
    bind();
    const inner = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const ask = (trace: CallbackTrace) => trace.runWithin((fn) => inner.run(`in ${store.getStore()}`, fn));
    callbackTracing.start.subscribe(ask);
    const { say } = openConnection({
      async *handleIn(_message, state) {
        seen.push(inner.getStore());
        yield ok(state);
        await Promise.resolve();
        seen.push(inner.getStore());
      },
    });
    say('x');
    await settled();
    callbackTracing.start.unsubscribe(ask);
    expect(seen).toEqual(['in handleIn 1', 'in handleIn 1']);
  });
});
