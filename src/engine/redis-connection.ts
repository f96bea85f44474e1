/** A packet on its way out. */
export interface Outgoing {
  readonly channel: string;
  readonly packet: Uint8Array;
}

/** What a connection does with a packet that has come. */
export type ReceivePacket = (channel: string, packet: Uint8Array) => void;

/** Whether to use sharded pub/sub; `'auto'`: where the server has it and is no node of a cluster. */
export type Sharded = boolean | 'auto';

/**
 * One connection to Redis, of our own, as long as it lives: it is never made again, keeps nothing for later and sends nothing twice.
 * What the two client libraries do differently ends here.
 */
export abstract class RedisConnection {
  /** Resolves with why it is no more. Never rejects. */
  readonly closed: Promise<unknown>;
  /** Known once it is open. */
  sharded = false;
  protected hasClosed!: (why: unknown) => void;

  constructor() {
    this.closed = new Promise((resolve) => (this.hasClosed = resolve));
  }

  async open(sharded: Sharded): Promise<void> {
    await this.connect();
    this.sharded = sharded === 'auto' ? await this.#hasSharded() : sharded;
  }

  async #hasSharded(): Promise<boolean> {
    const info = await this.info().then(String, () => '');
    // A node of a cluster takes sharded channels of its own slots only, but passes the others on to all nodes.
    if (/^redis_mode:cluster/m.test(info)) return false;
    return Number(/^redis_version:(\d+)/m.exec(info)?.[1]) >= 7;
  }

  /** Rejects with why it cannot be had. */
  protected abstract connect(): Promise<void>;
  protected abstract info(): Promise<unknown>;
  abstract ping(): Promise<unknown>;
  /** In one write. Resolves with the error of each packet, undefined for one that Redis has taken. */
  abstract publish(packets: readonly Outgoing[]): Promise<unknown[]>;
  abstract subscribe(channels: string[]): Promise<unknown>;
  abstract unsubscribe(channels: string[]): Promise<unknown>;
  /** At once. */
  abstract close(): void;
}

/** Redis wants its bytes as `Buffer`s; a view, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
