import { connect } from '@nats-io/transport-node';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Engine } from 'nestjs-websock';
import { nats } from 'nestjs-websock/nats';
import { redis } from 'nestjs-websock/redis';
import { createClient } from 'redis';

/** The engine, and the broker's client below it, which is the app's own. An app has one of the two; this sample has both. */
export class BrokerClient implements OnApplicationShutdown {
  private constructor(
    readonly engine: Engine,
    private readonly close: () => Promise<void>,
  ) {}

  static to(url: string): Promise<BrokerClient> {
    return url.startsWith('nats:') ? BrokerClient.nats(url) : BrokerClient.redis(url);
  }

  /** The engine duplicates the client; this one is never connected. */
  private static async redis(url: string): Promise<BrokerClient> {
    return new BrokerClient(redis({ client: createClient({ url }) }), async () => {});
  }

  private static async nats(url: string): Promise<BrokerClient> {
    const connection = await connect({ servers: url, maxReconnectAttempts: -1 });
    return new BrokerClient(nats({ connection }), () => connection.close());
  }

  /** Last of all: handlers and the cluster have stopped. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}
