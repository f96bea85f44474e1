/** What a busy machine may add, ms. */
const SLACK = 300;

/** Timers fire late by max(10 %, 50 ms), and never early (docs: options). Measure from before the timer starts. */
export function expectOnTime(elapsed: number, limit: number): void {
  expect(elapsed).toBeGreaterThanOrEqual(limit);
  expect(elapsed).toBeLessThanOrEqual(limit + Math.max(limit * 0.1, 50) + SLACK);
}

/** Where there is no event to wait for: what is to happen, or not to happen, takes time. */
export function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The value once it has stayed the same for so many ms. */
export async function settled<T>(read: () => T, ms = 150): Promise<T> {
  for (let before = read(); ; before = read()) {
    await elapse(ms);
    if (read() === before) return before;
  }
}
