import { expect, it } from '@jest/globals';
import { systemClock } from './clock.js';

it.each([2_147_483_647, 2_147_483_646.5, Infinity])('%d ms are not over at once', async (ms) => {
  let isOver = false;
  const cancel = systemClock.after(ms, () => (isOver = true));
  await new Promise<void>((resolve) => systemClock.after(20, resolve));
  cancel();
  expect(isOver).toBe(false);
});

it('is never early', async () => {
  const start = performance.now();
  await new Promise<void>((resolve) => systemClock.after(30, resolve));
  expect(performance.now() - start).toBeGreaterThanOrEqual(30);
});
