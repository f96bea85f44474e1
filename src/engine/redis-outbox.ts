import { EngineError } from '../websock/errors.js';
import type { Outgoing, RedisConnection } from './redis-connection.js';

interface Waiting extends Outgoing {
  resolve(): void;
  reject(error: EngineError): void;
}

/** What Redis has not answered for, bytes: beyond it packets are refused, before they fill the memory. */
const MAX_IN_FLIGHT = 64 * 1_048_576;

/** Collects what is published in one tick, and sends it in one write. */
export class RedisOutbox {
  readonly #connection: () => RedisConnection | undefined;
  readonly #batches = new Set<Promise<void>>();
  #waiting: Waiting[] = [];
  #inFlight = 0;

  /** @param connection the one there is, if any */
  constructor(connection: () => RedisConnection | undefined) {
    this.#connection = connection;
  }

  /** Resolves when Redis has taken it; rejects at once while there is no connection. */
  publish(channel: string, packet: Uint8Array): Promise<void> {
    if (this.#connection() === undefined) return Promise.reject(away());
    if (this.#inFlight > 0 && this.#inFlight + packet.byteLength > MAX_IN_FLIGHT) {
      return Promise.reject(new EngineError('publish', 'Redis does not keep up: 64 MiB wait for its answer'));
    }
    this.#inFlight += packet.byteLength;
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ channel, packet, resolve, reject }) === 1) queueMicrotask(() => this.#send());
    });
  }

  /** Resolves when all that was published has been answered for. */
  async settled(): Promise<void> {
    // What is collected in this very tick is a batch after it.
    await Promise.resolve();
    await Promise.all(this.#batches);
  }

  #send(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const batch = this.#sendAll(waiting).finally(() => this.#batches.delete(batch));
    this.#batches.add(batch);
  }

  async #sendAll(waiting: readonly Waiting[]): Promise<void> {
    const errors = await this.#sendVia(this.#connection(), waiting);
    for (const [i, { packet, resolve, reject }] of waiting.entries()) {
      this.#inFlight -= packet.byteLength;
      if (errors[i] === undefined) resolve();
      else reject(new EngineError('publish', 'Redis did not take a packet', { cause: errors[i] }));
    }
  }

  /** The error of each. */
  async #sendVia(connection: RedisConnection | undefined, waiting: readonly Waiting[]): Promise<unknown[]> {
    try {
      if (connection === undefined) throw away();
      return await connection.publish(waiting);
    } catch (error) {
      return waiting.map(() => error);
    }
  }
}

function away(): EngineError {
  return new EngineError('publish', 'Redis is away');
}
