import type { Cancel } from '../connection/clock.js';
import { Sweeper, type Sweepable } from '../connection/sweeper.js';
import type { TestClock } from './test-clock.js';

/** Looks at every millisecond that passes, so that limits are met to the millisecond. */
export class ExactSweeper extends Sweeper {
  readonly #clock: TestClock;
  readonly #cancels = new Map<Sweepable, Cancel>();

  constructor(clock: TestClock) {
    super(clock);
    this.#clock = clock;
  }

  override add(member: Sweepable, shortest: number): void {
    if (shortest === Infinity) return;
    member.place = 0;
    this.#cancels.set(
      member,
      this.#clock.everyMillisecond(() => member.sweep(this.#clock.now(), 0)),
    );
  }

  override remove(member: Sweepable): void {
    this.#cancels.get(member)?.();
    this.#cancels.delete(member);
    member.place = -1;
  }
}
