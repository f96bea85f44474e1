import { MAX_INT32 } from '../websock/options.js';

/** Cancels a timer; does nothing once it has fired. */
export type Cancel = () => void;

/** Time, as connections see it. Tests put their own in its place. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Runs `callback` once, never early. `Infinity` never runs it. */
  after(ms: number, callback: () => void): Cancel;
}

const NOTHING: Cancel = () => {};

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    // setTimeout(f, Infinity) would fire at once.
    if (ms > MAX_INT32) return NOTHING;
    // A timer may fire up to a millisecond early against performance.now().
    const timer = setTimeout(callback, Math.min(Math.ceil(ms) + 1, MAX_INT32));
    return () => clearTimeout(timer);
  },
};
