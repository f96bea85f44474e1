import { EngineError } from '../websock/errors.js';
import type { NatsLike } from './nats-like.js';

interface Published {
  readonly size: number;
  resolve(): void;
  reject(error: EngineError): void;
}

/** What the server has not seen for certain, bytes: beyond it packets are refused, before they fill the memory. */
const MAX_IN_FLIGHT = 64 * 1_048_576;

/** What is published and may still be lost. NATS confirms no packet, but answers a flush when it has seen all before it. */
export class NatsOutbox {
  readonly #connection: NatsLike;
  #unasked: Published[] = [];
  #asked: readonly Published[] = [];
  #inFlight = 0;
  #asking: Promise<void> | undefined;

  constructor(connection: NatsLike) {
    this.#connection = connection;
  }

  /**
   * Resolves when the server has seen it. The connection writes at the end of a tick.
   *
   * @throws EngineError when it is too large, or too much waits already
   */
  publish(subject: string, packet: Uint8Array): Promise<void> {
    const size = packet.byteLength;
    this.#checkRoom(size);
    try {
      this.#connection.publish(subject, packet);
    } catch (cause) {
      throw new EngineError('publish', 'NATS did not take a packet', { cause });
    }
    this.#inFlight += size;
    // One question at a time: while it is under way others gather for the next.
    this.#asking ??= Promise.resolve().then(() => this.#ask());
    return new Promise((resolve, reject) => this.#unasked.push({ size, resolve, reject }));
  }

  /** Resolves when all that was published is confirmed or has failed. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  /** The server is away: what it has not confirmed is lost, or will never be known. */
  fail(cause: unknown): void {
    const lost = [...this.#asked, ...this.#unasked];
    this.#asked = [];
    this.#unasked = [];
    this.#inFlight = 0;
    for (const { reject } of lost) {
      reject(new EngineError('publish', 'NATS went away before it had the packet', { cause }));
    }
  }

  #checkRoom(size: number): void {
    const max = this.#connection.info?.max_payload ?? Infinity;
    if (size > max) {
      throw new EngineError(
        'publish',
        `a packet of ${size} bytes is larger than the max_payload of the NATS server, ${max} bytes`,
      );
    }
    if (this.#inFlight > 0 && this.#inFlight + size > MAX_IN_FLIGHT) {
      throw new EngineError('publish', 'NATS does not keep up: 64 MiB wait for its answer');
    }
  }

  async #ask(): Promise<void> {
    while (this.#unasked.length > 0) {
      this.#asked = this.#unasked;
      this.#unasked = [];
      try {
        await this.#connection.flush();
        this.#confirm();
      } catch (error) {
        this.fail(error);
      }
    }
    this.#asking = undefined;
  }

  #confirm(): void {
    const seen = this.#asked;
    this.#asked = [];
    for (const { size, resolve } of seen) {
      this.#inFlight -= size;
      resolve();
    }
  }
}
