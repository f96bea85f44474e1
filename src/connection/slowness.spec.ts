import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { FakeClock, settled } from '../../test/support/fake-clock.js';
import { openConnection } from '../../test/support/fake-connection.js';
import { Gate } from '../../test/support/log.js';
import { telemetry, type CallbackSlow } from '../telemetry/events.js';
import { text } from '../websock/message.js';
import { ok, push, type HandleResult } from '../websock/result.js';
import { handlerOf } from './handler.js';
import { Slowness } from './slowness.js';
import { Sweeper } from './sweeper.js';

const LIMIT = 1_000;
/** A timer may be so late. */
const LATE = 100;

describe('slowCallback', () => {
  let slow: CallbackSlow[];

  beforeEach(() => {
    slow = eventsOf(telemetry.callbackSlow);
  });
  afterEach(unsubscribeAll);

  it('reports a callback that has not settled, once, not early, and lets it go on', async () => {
    const gate = new Gate();
    class Slow {
      async handleIn(_message: unknown, state: unknown): Promise<HandleResult<unknown>> {
        await gate.passed;
        return push(text('done'), state);
      }
    }
    const { say, clock, connection, log } = openConnection(new Slow(), { slowCallback: LIMIT });
    say('x');
    await clock.advance(LIMIT - 1);
    expect(slow).toEqual([]);
    await clock.advance(LATE + 1);
    const { app, ref } = connection;
    expect(slow).toEqual([
      {
        app,
        ref,
        handler: 'Slow',
        callback: 'handleIn',
        method: 'Slow.handleIn',
        duration: expect.any(Number),
      },
    ]);
    expect(slow[0]!.duration).toBeGreaterThanOrEqual(LIMIT);
    await clock.advance(10 * LIMIT);
    gate.open();
    await settled();
    expect(slow).toHaveLength(1);
    expect(log).toEqual(['text:done']);
  });

  it('reports the next one too', async () => {
    const gates = [new Gate(), new Gate()];
    let runs = 0;
    const { say, clock } = openConnection(
      {
        handleIn: async (_message, state) => {
          await gates[runs++]!.passed;
          return ok(state);
        },
      },
      { slowCallback: LIMIT },
    );
    say('one');
    say('two');
    await clock.advance(LIMIT + LATE);
    gates[0]!.open();
    await clock.advance(LIMIT - 1);
    expect(slow).toHaveLength(1);
    await clock.advance(LATE + 1);
    expect(slow).toHaveLength(2);
  });

  it('reports an asynchronous init, and a terminate where it has longer than that', async () => {
    const gate = new Gate();
    const { clock, connection } = openConnection(
      {
        init: async () => {
          await gate.passed;
          return ok('state');
        },
        terminate: () => new Promise(() => {}),
      },
      { slowCallback: LIMIT, terminateTimeout: 2 * LIMIT },
    );
    await clock.advance(LIMIT + LATE);
    gate.open();
    await settled();
    connection.receiveClose(1000, Buffer.alloc(0));
    await clock.advance(LIMIT + LATE);
    expect(slow.map(({ callback }) => callback)).toEqual(['init', 'terminate']);
  });

  it('leaves a terminate to the overrun that comes first', async () => {
    const { clock, connection } = openConnection(
      { terminate: () => new Promise(() => {}) },
      { slowCallback: LIMIT, terminateTimeout: LIMIT },
    );
    connection.receiveClose(1000, Buffer.alloc(0));
    await clock.advance(2 * LIMIT);
    expect(slow).toEqual([]);
  });

  it('starts again with each result of a generator', async () => {
    const gates = [new Gate(), new Gate(), new Gate()];
    const { say, clock } = openConnection(
      {
        async *handleIn(_message, state) {
          for (const gate of gates) {
            await gate.passed;
            yield push(text('token'), state);
          }
        },
      },
      { slowCallback: LIMIT },
    );
    say('x');
    for (const gate of gates.slice(0, 2)) {
      await clock.advance(LIMIT - 1);
      gate.open();
      await settled();
    }
    expect(slow).toEqual([]);
    await clock.advance(LIMIT + LATE);
    expect(slow).toHaveLength(1);
  });

  it('does not count the time in which the client does not drain', async () => {
    const { say, clock, transport } = openConnection(
      {
        async *handleIn(_message, state) {
          yield push(text('one'), state);
          yield push(text('two'), state);
        },
      },
      { slowCallback: LIMIT, sendTimeout: Infinity },
    );
    transport.full = true;
    say('x');
    await clock.advance(5 * LIMIT);
    expect(slow).toEqual([]);
    transport.drain();
    await settled();
    expect(transport.log).toEqual(['text:one', 'text:two']);
  });

  it('does not look at a callback that another has taken the place of', async () => {
    const { say, clock } = openConnection(
      { handleIn: async (_message, state) => ok(state) },
      { slowCallback: LIMIT },
    );
    for (let passed = 0; passed < 3 * LIMIT; passed += 10) {
      say('x');
      await clock.advance(10);
    }
    expect(slow).toEqual([]);
  });

  it('costs an idle connection no timer', async () => {
    const { say, clock } = openConnection(
      { handleIn: async (_message, state) => ok(state) },
      { slowCallback: LIMIT, timeout: Infinity, sendTimeout: Infinity },
    );
    expect(clock.pending).toBe(0);
    say('x');
    expect(clock.pending).toBe(1);
    await clock.advance(LIMIT);
    expect(clock.pending).toBe(0);
  });

  it('forgives the time in which the process could not run', () => {
    const runner = { callback: 'handleIn', isRunning: true, runs: 1, waits: 1 } as const;
    const reporter = { app: 'app', ref: 'ref', handler: handlerOf({}), runningMethod: undefined };
    const slowness = new Slowness(reporter, runner, new Sweeper(new FakeClock()), LIMIT);
    slowness.sweep(0, 0);
    slowness.sweep(3 * LIMIT, 3 * LIMIT - 1);
    slowness.sweep(4 * LIMIT - 2, 0);
    expect(slow).toEqual([]);
    slowness.sweep(4 * LIMIT - 1, 0);
    expect(slow).toMatchObject([{ duration: LIMIT }]);
  });

  it('is never with Infinity', async () => {
    const { say, clock } = openConnection(
      { handleIn: () => new Promise(() => {}) },
      { slowCallback: Infinity },
    );
    say('x');
    await clock.advance(86_400_000);
    expect(slow).toEqual([]);
  });

  it('stops with its connection', async () => {
    const { say, clock, transport, connection } = openConnection(
      { handleIn: () => new Promise(() => {}) },
      { slowCallback: LIMIT, terminateTimeout: 10 },
    );
    say('x');
    connection.transportClosed();
    await clock.advance(10);
    expect(transport.log).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
