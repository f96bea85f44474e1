import { EngineError } from '../websock/errors.js';
import type { RedisConnection } from './redis-connection.js';

/** A channel that somebody wants. */
interface Subscription {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: EngineError): void;
  /** Whether `promise` has been kept, once. */
  isConfirmed: boolean;
}

/** Channels of one command, at most. */
const BATCH = 1_000;

/** What is subscribed: it is brought to each new connection, and what changes in one tick is sent in one command. */
export class RedisSubscriptions {
  readonly #failed: (error: EngineError) => void;
  readonly #wanted = new Map<string, Subscription>();
  /** Channels that Redis has been told of on this connection. */
  #told = new Set<string>();
  #changed = new Set<string>();
  #connection: RedisConnection | undefined;

  /** @param failed told of what no promise tells */
  constructor(failed: (error: EngineError) => void) {
    this.#failed = failed;
  }

  has(channel: string): boolean {
    return this.#wanted.has(channel);
  }

  /** Resolves when Redis has confirmed it, at the latest when the channel is removed. */
  add(channel: string): Promise<void> {
    const existing = this.#wanted.get(channel);
    if (existing !== undefined) return existing.promise;
    const subscription = newSubscription();
    this.#wanted.set(channel, subscription);
    this.#change(channel);
    return subscription.promise;
  }

  remove(channel: string): void {
    this.#wanted.get(channel)?.resolve();
    if (this.#wanted.delete(channel)) this.#change(channel);
  }

  /** Nobody waits any longer. */
  clear(): void {
    this.disconnect();
    for (const { resolve } of this.#wanted.values()) resolve();
    this.#wanted.clear();
  }

  /** Subscribes to all over a new connection. Resolves with whether Redis has answered, or the connection is gone. */
  async connect(connection: RedisConnection): Promise<boolean> {
    this.#connection = connection;
    this.#told = new Set();
    this.#changed = new Set();
    return this.#subscribe(connection, [...this.#wanted.keys()]);
  }

  disconnect(): void {
    this.#connection = undefined;
  }

  #change(channel: string): void {
    if (this.#connection === undefined) return;
    this.#changed.add(channel);
    if (this.#changed.size === 1) queueMicrotask(() => this.#send());
  }

  /** Tells Redis of what came and went. Its connection answers in order, so nothing waits for an answer. */
  #send(): void {
    const connection = this.#connection;
    const changed = [...this.#changed];
    this.#changed = new Set();
    if (connection === undefined) return;
    this.#unsubscribe(
      connection,
      changed.filter((channel) => !this.#wanted.has(channel) && this.#told.has(channel)),
    );
    // One that went and came back within the tick is asked for again: somebody else waits for the answer.
    const wanted = changed.filter((channel) => this.#wanted.get(channel)?.isConfirmed === false);
    void this.#subscribe(connection, wanted);
  }

  async #subscribe(connection: RedisConnection, channels: readonly string[]): Promise<boolean> {
    const answers: Promise<boolean>[] = [];
    for (let i = 0; i < channels.length; i += BATCH) {
      const batch = channels.slice(i, i + BATCH);
      for (const channel of batch) this.#told.add(channel);
      answers.push(this.#ask(connection, batch));
    }
    return (await Promise.all(answers)).every(Boolean);
  }

  /** Resolves with whether Redis has answered, be it that it refused. What it did not answer is asked again on the next connection. */
  async #ask(connection: RedisConnection, channels: string[]): Promise<boolean> {
    const asked = channels.map((channel) => this.#wanted.get(channel));
    try {
      await connection.subscribe(channels);
    } catch (error) {
      if (!(await isAnswering(connection)) || connection !== this.#connection) return false;
      // One that is forbidden fails the others of its command.
      if (channels.length > 1) {
        return (await Promise.all(channels.map((channel) => this.#ask(connection, [channel])))).every(
          Boolean,
        );
      }
      this.#refused(channels[0]!, asked[0], error);
      return true;
    }
    if (connection !== this.#connection) return false;
    for (const subscription of asked) confirm(subscription);
    return true;
  }

  #refused(channel: string, subscription: Subscription | undefined, cause: unknown): void {
    this.#told.delete(channel);
    if (subscription === undefined || this.#wanted.get(channel) !== subscription) return;
    this.#wanted.delete(channel);
    const error = new EngineError('subscribe', `Redis refused the channel ${JSON.stringify(channel)}`, {
      cause,
    });
    if (subscription.isConfirmed) this.#failed(error);
    else subscription.reject(error);
  }

  #unsubscribe(connection: RedisConnection, channels: string[]): void {
    if (channels.length === 0) return;
    for (const channel of channels) this.#told.delete(channel);
    connection.unsubscribe(channels).catch(async (cause: unknown) => {
      // With the connection the subscription is gone as well.
      if (!(await isAnswering(connection))) return;
      this.#failed(new EngineError('subscribe', 'Redis did not end a subscription', { cause }));
    });
  }
}

/** Whether it was Redis that said no, and not the end of the connection. */
function isAnswering(connection: RedisConnection): Promise<boolean> {
  return connection.ping().then(
    () => true,
    () => false,
  );
}

function confirm(subscription: Subscription | undefined): void {
  if (subscription === undefined) return;
  subscription.isConfirmed = true;
  subscription.resolve();
}

function newSubscription(): Subscription {
  let resolve!: () => void;
  let reject!: (error: EngineError) => void;
  const promise = new Promise<void>((kept, broken) => {
    resolve = kept;
    reject = broken;
  });
  return { promise, resolve, reject, isConfirmed: false };
}
