import { setImmediate } from 'node:timers';
import type { Cancel, Clock } from '../connection/clock.js';
import { MAX_INT32 } from '../websock/options.js';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/**
 * Time that stands still until it is advanced. It drives everything about a connection that takes time: `timeout`,
 * `heartbeat`, `sendInfoAfter`, `sendTimeout`, `terminateTimeout`, `closeTimeout`, the timeout of `call`. Timers of the
 * handler's own (`setTimeout`, `Date`) are not touched.
 */
export class TestClock implements Clock {
  #now = 0;
  #timers = new Set<Timer>();
  #ticks = new Set<() => void>();
  #touched = false;

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  /** Runs `callback` when so many ms have passed; `Infinity` never runs it. Returns what cancels it. */
  after(ms: number, callback: () => void): Cancel {
    if (ms > MAX_INT32) return () => {};
    const timer = { due: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    this.touch();
    return () => this.#timers.delete(timer);
  }

  /** For the sweeper: calls `tick` at every millisecond that passes. */
  everyMillisecond(tick: () => void): Cancel {
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  }

  /** Something has happened that promises may wait for: the clock lets them settle before it goes on. */
  touch(): void {
    this.#touched = true;
  }

  /**
   * Lets `ms` milliseconds pass: fires what falls due, in order, and lets promises settle in between, so that an
   * asynchronous callback goes on before the next timer fires. Exact: what is due after 1 000 ms has happened after
   * `advance(1_000)`. It does not wait for real I/O.
   *
   * @throws RangeError unless `ms` is a finite number, 0 or more
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity))
      throw new RangeError(`advance: ms must be a finite number, 0 or more, not ${ms}`);
    const end = this.#now + ms;
    await this.#settle();
    for (let timer = this.#next(end); ; timer = this.#next(end)) {
      if (await this.#tickUntil(timer?.due ?? end)) continue;
      if (timer === undefined) return;
      if (!this.#timers.delete(timer)) continue;
      timer.callback();
      await this.#settle();
    }
  }

  /** Moves on until `end`, or until something happens: then an earlier timer may have been set. */
  async #tickUntil(end: number): Promise<boolean> {
    this.#touched = false;
    while (this.#now < end) {
      this.#now = this.#ticks.size === 0 ? end : Math.min(end, Math.floor(this.#now) + 1);
      this.#tick();
      if (this.#touched) {
        await this.#settle();
        return true;
      }
    }
    return false;
  }

  #tick(): void {
    for (const tick of this.#ticks) tick();
  }

  /** Lets settle what this instant has brought about. */
  async #settle(): Promise<void> {
    do {
      this.#touched = false;
      await settled();
      this.#tick();
    } while (this.#touched);
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}

/** All promises that can settle without I/O have settled. */
export function settled(): Promise<void> {
  // Node's own, which fake timers of a test runner leave alone.
  return new Promise((resolve) => setImmediate(resolve));
}
