import type { CancelTimer } from '../websock/connection.js';
import { MAX_INT32 } from '../websock/options.js';
import type { Cancel, Clock } from './clock.js';

/** The pending `sendInfoAfter` timers of one connection. */
export class InfoTimers {
  readonly #clock: Clock;
  #pending: Set<Cancel> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws RangeError */
  after(ms: number, deliver: () => void): CancelTimer {
    const cancel = this.#clock.after(checkDelay(ms), () => {
      pending.delete(cancel);
      deliver();
    });
    const pending = (this.#pending ??= new Set());
    pending.add(cancel);
    return () => {
      if (pending.delete(cancel)) cancel();
    };
  }

  clear(): void {
    for (const cancel of this.#pending ?? []) cancel();
    this.#pending = undefined;
  }
}

/** @throws RangeError */
export function checkDelay(ms: number): number {
  if (ms >= 0 && ms <= MAX_INT32) return ms;
  throw new RangeError(`sendInfoAfter: ms must be a number from 0 to ${MAX_INT32}, not ${ms}`);
}
