import type { IoredisLike } from './redis-like.js';
import { asBuffer, RedisConnection, type Outgoing, type ReceivePacket } from './redis-connection.js';

/** What of a client's settings would keep commands for later, send them again, or change the names of channels. */
const OVERRIDES = {
  lazyConnect: true,
  retryStrategy: () => null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  keyPrefix: '',
};

/** A connection by ioredis. */
export class IoredisConnection extends RedisConnection {
  readonly #client: IoredisLike;
  /** `connect()` rejects without saying why; the event before it does. */
  #error: unknown;
  #isClosed = false;

  constructor(template: IoredisLike, receive: ReceivePacket) {
    super();
    const client = template.duplicate(OVERRIDES) as IoredisLike;
    this.#client = client;
    client.on('error', (error) => (this.#error = error));
    for (const event of ['close', 'end']) client.on(event, () => this.#ended());
    const take = (channel: Buffer, packet: Buffer) => receive(channel.toString(), packet);
    client.on('messageBuffer', take);
    client.on('smessageBuffer', take);
  }

  protected async connect(): Promise<void> {
    await this.#client.connect().catch((error: unknown) => {
      throw this.#error ?? error;
    });
  }

  protected info(): Promise<unknown> {
    return this.#client.info('server');
  }

  ping(): Promise<unknown> {
    return this.#client.ping();
  }

  async publish(packets: readonly Outgoing[]): Promise<unknown[]> {
    const pipeline = this.#client.pipeline();
    for (const { channel, packet } of packets) {
      if (this.sharded) pipeline.spublish(channel, asBuffer(packet));
      else pipeline.publish(channel, asBuffer(packet));
    }
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error]) => error ?? undefined);
  }

  subscribe(channels: string[]): Promise<unknown> {
    return this.sharded ? this.#client.ssubscribe(...channels) : this.#client.subscribe(...channels);
  }

  unsubscribe(channels: string[]): Promise<unknown> {
    return this.sharded ? this.#client.sunsubscribe(...channels) : this.#client.unsubscribe(...channels);
  }

  close(): void {
    // Of a socket that is closed already it would wait for the end, and hold up that of the process.
    if (!this.#isClosed) this.#client.disconnect();
    this.#isClosed = true;
  }

  #ended(): void {
    this.#isClosed = true;
    this.hasClosed(this.#error ?? new Error('Redis has closed the connection'));
  }
}
