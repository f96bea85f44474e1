import { AsyncResource } from 'node:async_hooks';
import type { Cancel, Clock } from './clock.js';

/** The context in which this module was loaded: nobody's. */
const NEUTRAL = new AsyncResource('WebSockSweeper');

/** Something that looks at its own deadlines when told the time. */
export interface Sweepable {
  /** `lost`: milliseconds in which the process could not run at all; they count against nobody. */
  sweep(now: number, lost: number): void;
}

/**
 * One timer for all connections with the same limits, instead of several for each. Looking at the clock 25 times in
 * the shortest limit (but not more often than every 20 ms) keeps every deadline within max(10 %, 50 ms), and never early.
 */
export class Sweeper {
  readonly #clock: Clock;
  readonly #rounds = new Map<number, Round>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sweeps `member` until the returned function is called. `shortest` is the shortest of its limits, ms. */
  add(member: Sweepable, shortest: number): Cancel {
    if (shortest === Infinity) return () => {};
    const period = Math.max(20, Math.floor(shortest / 25));
    let round = this.#rounds.get(period);
    if (round === undefined) this.#rounds.set(period, (round = new Round(this.#clock, period)));
    return round.add(member);
  }
}

/** All members with one period. Its timer runs while it has members. */
class Round {
  readonly #members = new Set<Sweepable>();
  #cancel: Cancel | undefined;
  #last = 0;

  constructor(
    private readonly clock: Clock,
    private readonly period: number,
  ) {}

  add(member: Sweepable): Cancel {
    this.#members.add(member);
    if (this.#cancel === undefined) this.#schedule();
    return () => {
      this.#members.delete(member);
      if (this.#members.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #schedule(): void {
    this.#last = this.clock.now();
    // Not in the context of the connection that came first: the timer would keep it, and what hangs on it, for ever.
    this.#cancel = NEUTRAL.runInAsyncScope(() => this.clock.after(this.period, () => this.#sweep()));
  }

  #sweep(): void {
    const now = this.clock.now();
    // A blocked event loop runs timers before it reads sockets: without this a busy server would cut off clients
    // whose bytes already wait in the kernel.
    const lost = Math.max(0, now - this.#last - 2 * this.period);
    this.#schedule();
    for (const member of this.#members) member.sweep(now, lost);
  }
}
