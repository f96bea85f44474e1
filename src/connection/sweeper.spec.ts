import { expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { systemClock } from './clock.js';
import { Sweeper } from './sweeper.js';

it('sweeps in nobody’s async context: its timer would keep that of the first connection for ever', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen = await new Promise((resolve) => {
    storage.run('first', () => {
      const sweeper = new Sweeper(systemClock);
      const member = {
        place: -1,
        sweep() {
          sweeper.remove(member, 20);
          resolve(storage.getStore() ?? 'nobody’s');
        },
      };
      sweeper.add(member, 20);
    });
  });
  expect(seen).toBe('nobody’s');
});
