import { afterAll } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { NatsEngine } from '../../src/engine/nats.js';
import { Broker } from '../support/brokers.js';
import { engineCases } from './cases.js';

const broker = await Broker.start('nats');
afterAll(() => broker.stop());

engineCases('NATS', () => ({
  broker: broker.control,
  noKillBecause: 'NATS_URL names a broker that is not ours to kill',
  maxPacket: 1_048_576,
  async open({ prefix, impatience }) {
    const connection = await connect({
      servers: broker.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
    });
    return {
      engine: new NatsEngine(
        { connection, prefix: `${prefix}.` },
        { ping: 5_000, answer: 10_000, ...impatience },
      ),
      use: () => connection.flush(),
      close: () => connection.close(),
    };
  },
}));
