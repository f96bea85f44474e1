import { afterAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';
import { LINK_TIMES } from '../../src/engine/redis-link.js';
import { RedisEngine } from '../../src/engine/redis.js';
import { Broker } from '../support/brokers.js';
import { engineCases } from './cases.js';

const broker = await Broker.start('redis');
afterAll(() => broker.stop());

describe.each([3, 2] as const)('RESP%i', (protocol) => {
  engineCases(`Redis with ioredis`, () => ({
    broker: broker.control,
    noKillBecause: 'REDIS_URL names a broker that is not ours to kill',
    async open({ prefix, impatience }) {
      // Without a listener to its errors, with what would keep and repeat publishes, and with a prefix of its own.
      const settings = { maxRetriesPerRequest: null, keyPrefix: 'mine:', retryStrategy: () => 20, protocol };
      const client = new Redis(broker.url, settings);
      client.on('error', () => {});
      return {
        engine: new RedisEngine({ client, prefix }, { ...LINK_TIMES, ...impatience, connect: 1_000 }),
        use: () => client.ping(),
        close: async () => client.disconnect(),
      };
    },
  }));
});
