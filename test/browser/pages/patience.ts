/** How long a page waits for what must come, ms. */
export const PATIENCE = 20_000;

/** Looks now and at each change, until it sees something. */
export function seen<T>(look: () => T | undefined, watch: (changed: () => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not seen within ${PATIENCE} ms`)), PATIENCE);
    const changed = () => {
      const sight = look();
      if (sight === undefined) return;
      clearTimeout(timer);
      resolve(sight);
    };
    watch(changed);
    changed();
  });
}
