import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection, Sharded } from './redis-connection.js';
import { within } from './within.js';

/** How a link makes connections, and waits. Tests take shorter times. */
export interface LinkSettings {
  connect(): RedisConnection;
  readonly sharded: Sharded;
  /** How long to wait before an attempt, ms; the first is 1. */
  retryDelay(attempt: number, error: unknown): number;
  readonly times: LinkTimes;
}

/** ms. */
export interface LinkTimes {
  /** How long a connection may take to come about. */
  readonly connect: number;
  /** How often it is asked whether it lives. */
  readonly ping: number;
  /** How long it has to answer. */
  readonly answer: number;
}

export const LINK_TIMES: LinkTimes = { connect: 10_000, ping: 5_000, answer: 10_000 };

/** Keeps having a connection: makes another when one breaks, or no longer answers. */
export class RedisLink {
  /** Undefined while there is none. */
  connection: RedisConnection | undefined;
  readonly #settings: LinkSettings;
  readonly #up: (connection: RedisConnection) => void;
  readonly #down: (why: unknown) => void;
  readonly #closing = new AbortController();

  /** @param down called after each `up`, and for each attempt that fails */
  constructor(
    settings: LinkSettings,
    up: (connection: RedisConnection) => void,
    down: (why: unknown) => void,
  ) {
    this.#settings = settings;
    this.#up = up;
    this.#down = down;
  }

  /** Resolves when the link is closed. */
  async open(): Promise<void> {
    let attempt = 0;
    while (!this.#isClosed) {
      const connection = this.#settings.connect();
      const why = await this.#live(connection, () => (attempt = 0));
      this.connection = undefined;
      connection.close();
      if (this.#isClosed) return;
      this.#down(why);
      attempt += 1;
      await this.#wait(this.#settings.retryDelay(attempt, why));
    }
  }

  /** Breaks what there is. */
  close(): void {
    this.#closing.abort();
    this.connection?.close();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** From its opening to its end; why it ended. */
  async #live(connection: RedisConnection, opened: () => void): Promise<unknown> {
    const closing = () => connection.close();
    this.#closing.signal.addEventListener('abort', closing, { once: true });
    try {
      await within(this.#settings.times.connect, connection.open(this.#settings.sharded));
    } catch (error) {
      return error;
    } finally {
      this.#closing.signal.removeEventListener('abort', closing);
    }
    if (this.#isClosed) return undefined;
    opened();
    this.connection = connection;
    this.#up(connection);
    return this.#untilClosed(connection);
  }

  async #untilClosed(connection: RedisConnection): Promise<unknown> {
    const { ping, answer } = this.#settings.times;
    let mute!: (error: unknown) => void;
    const silence = new Promise<unknown>((resolve) => (mute = resolve));
    // Where the way to the broker is cut without a word, nothing else would ever tell.
    const timer = setInterval(() => void within(answer, connection.ping()).catch(mute), ping).unref();
    const why = await Promise.race([connection.closed, silence]);
    clearInterval(timer);
    return why;
  }

  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
