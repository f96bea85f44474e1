import type { Cancel } from '../connection/clock.js';
import { Sweeper, type Sweepable } from '../connection/sweeper.js';
import type { TestClock } from './test-clock.js';

/** Looks at every millisecond that passes, so that limits are met to the millisecond. */
export class ExactSweeper extends Sweeper {
  readonly #clock: TestClock;

  constructor(clock: TestClock) {
    super(clock);
    this.#clock = clock;
  }

  override add(member: Sweepable, shortest: number): Cancel {
    if (shortest === Infinity) return () => {};
    return this.#clock.everyMillisecond(() => member.sweep(this.#clock.now(), 0));
  }
}
