import type { Clock } from '../connection/clock.js';

/** Waits for a promise, at most so long; says whether it has settled. Rejects as it does. */
export async function within(ms: number, promise: Promise<unknown>, clock: Clock): Promise<boolean> {
  let cancel = () => {};
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(ms, () => resolve(false));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    cancel();
  }
}
