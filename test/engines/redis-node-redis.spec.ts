import { afterAll, describe } from '@jest/globals';
import { createClient } from 'redis';
import { LINK_TIMES } from '../../src/engine/redis-link.js';
import { RedisEngine } from '../../src/engine/redis.js';
import { Broker } from '../support/brokers.js';
import { engineCases } from './cases.js';

const broker = await Broker.start('redis');
afterAll(() => broker.stop());

describe.each([3, 2] as const)('RESP%i', (RESP) => {
  engineCases(`Redis with node-redis`, () => ({
    broker: broker.control,
    noKillBecause: 'REDIS_URL names a broker that is not ours to kill',
    async open({ prefix, impatience }) {
      // Nobody listens to its errors: while an engine runs they do not end the process.
      const client = createClient({ url: broker.url, RESP, socket: { reconnectStrategy: 20 } });
      const connected = () => client.isOpen || client.connect();
      return {
        engine: new RedisEngine({ client, prefix }, { ...LINK_TIMES, ...impatience, connect: 1_000 }),
        use: async () => {
          await connected();
          await client.ping();
        },
        close: async () => client.destroy(),
      };
    },
  }));
});
