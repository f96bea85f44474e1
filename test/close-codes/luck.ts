import { AsyncLocalStorage } from 'node:async_hooks';

const drawn = new AsyncLocalStorage<number>();
const random = Math.random.bind(Math);

/** What the random part of a delay is made of: most clients are quickest with the least; socket.io-client is with the one in the middle. */
export const DRAWS = [0, 2 / 3, 0.999];

/** Runs the work, and all that ever comes of it, with a `Math.random()` that is always `draw`. */
export function withDraw<T>(draw: number, work: () => T): T {
  Math.random = () => drawn.getStore() ?? random();
  return drawn.run(draw, work);
}
