import type { NodeRedisLike } from './redis-like.js';
import { asBuffer, RedisConnection, type Outgoing, type ReceivePacket } from './redis-connection.js';

/** What of a client's settings would keep commands for later, or make the connection again. */
const overrides = ({ options }: NodeRedisLike) => ({
  socket: { ...options?.socket, reconnectStrategy: false },
  disableOfflineQueue: true,
  clientSideCache: undefined,
  pingInterval: undefined,
});

/** A connection by node-redis. Commands of one tick leave in one write without our doing. */
export class NodeRedisConnection extends RedisConnection {
  readonly #client: NodeRedisLike;
  readonly #take: (packet: Buffer, channel: Buffer) => void;

  constructor(template: NodeRedisLike, receive: ReceivePacket) {
    super();
    const client = template.duplicate(overrides(template)) as NodeRedisLike;
    this.#client = client;
    this.#take = (packet, channel) => receive(channel.toString(), packet);
    client.on('error', (error) => {
      if (!client.isReady) this.hasClosed(error);
    });
    client.on('end', () => this.hasClosed(new Error('the connection has ended')));
  }

  protected async connect(): Promise<void> {
    await this.#client.connect();
  }

  protected info(): Promise<unknown> {
    return this.#client.info('server');
  }

  ping(): Promise<unknown> {
    return this.#client.ping();
  }

  async publish(packets: readonly Outgoing[]): Promise<unknown[]> {
    const results = await Promise.allSettled(packets.map((outgoing) => this.#publishOne(outgoing)));
    return results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined));
  }

  #publishOne({ channel, packet }: Outgoing): Promise<unknown> {
    return this.sharded
      ? this.#client.sPublish(channel, asBuffer(packet))
      : this.#client.publish(channel, asBuffer(packet));
  }

  subscribe(channels: string[]): Promise<unknown> {
    return this.sharded
      ? this.#client.sSubscribe(channels, this.#take, true)
      : this.#client.subscribe(channels, this.#take, true);
  }

  unsubscribe(channels: string[]): Promise<unknown> {
    return this.sharded
      ? this.#client.sUnsubscribe(channels, this.#take, true)
      : this.#client.unsubscribe(channels, this.#take, true);
  }

  close(): void {
    if (this.#client.destroy) this.#client.destroy();
    // It rejects when there is nothing to disconnect.
    else void this.#client.disconnect?.().catch(() => {});
    this.hasClosed(new Error('the connection has ended'));
  }
}
