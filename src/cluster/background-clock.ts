import { systemClock, type Clock } from '../connection/clock.js';
import { MAX_INT32 } from '../websock/options.js';

/** Its timers do not keep the process alive: the cluster's own work is never a reason to. */
export const backgroundClock: Clock = {
  now: () => systemClock.now(),
  after(ms, callback) {
    if (ms > MAX_INT32) return () => {};
    const timer = setTimeout(callback, Math.ceil(ms) + 1).unref();
    return () => clearTimeout(timer);
  },
};
