import { AsyncResource } from 'node:async_hooks';
import { Places, type Placed } from '../websock/places.js';
import type { Cancel, Clock } from './clock.js';

/** The context in which this module was loaded: nobody's. */
const NEUTRAL = new AsyncResource('WebSockSweeper');

/** Something that looks at its own deadlines when told the time. */
export interface Sweepable extends Placed {
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

  /** Sweeps `member`, which stands in no other place, until it is removed. `shortest` is the shortest of its limits, ms. */
  add(member: Sweepable, shortest: number): void {
    if (shortest === Infinity) return;
    const period = periodOf(shortest);
    let round = this.#rounds.get(period);
    if (round === undefined) this.#rounds.set(period, (round = new Round(this.#clock, period)));
    round.add(member);
  }

  /** With the `shortest` that it was added with. Does nothing for a member that has gone. */
  remove(member: Sweepable, shortest: number): void {
    this.#rounds.get(periodOf(shortest))?.remove(member);
  }
}

const periodOf = (shortest: number) => Math.max(20, Math.floor(shortest / 25));

/** All members with one period. Its timer runs while it has members. */
class Round {
  readonly #members = new Places<Sweepable>();
  #cancel: Cancel | undefined;
  #last = 0;

  constructor(
    private readonly clock: Clock,
    private readonly period: number,
  ) {}

  add(member: Sweepable): void {
    this.#members.add(member);
    if (this.#cancel === undefined) this.#schedule();
  }

  remove(member: Sweepable): void {
    this.#members.remove(member);
    if (this.#members.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
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
    this.#members.forEach((member) => member.sweep(now, lost));
  }
}
