import { EngineError } from '../websock/errors.js';
import type { NatsLike } from './nats-like.js';

interface Subscription {
  readonly promise: Promise<void>;
  readonly unsubscribe: () => void;
  resolve(): void;
  reject(error: EngineError): void;
  isConfirmed: boolean;
}

/** What is subscribed. The connection itself brings it to the server again when that is back. */
export class NatsSubscriptions {
  readonly #connection: NatsLike;
  readonly #failed: (error: EngineError) => void;
  readonly #subscriptions = new Map<string, Subscription>();

  /** @param failed told of what no promise tells */
  constructor(connection: NatsLike, failed: (error: EngineError) => void) {
    this.#connection = connection;
    this.#failed = failed;
  }

  /** Resolves when it is confirmed, at the latest when the channel is removed. */
  add(channel: string, subject: string, receive: (packet: Uint8Array) => void): Promise<void> {
    const existing = this.#subscriptions.get(channel);
    if (existing !== undefined) return existing.promise;
    let resolve!: () => void;
    let reject!: (error: EngineError) => void;
    const promise = new Promise<void>((kept, broken) => {
      resolve = kept;
      reject = broken;
    });
    const callback = (error: unknown, message: { data: Uint8Array }) => {
      // What was on its way when it was unsubscribed is not delivered.
      if (this.#subscriptions.get(channel) !== subscription) return;
      if (error) this.#refused(channel, subscription, error);
      else receive(message.data);
    };
    let handle: { unsubscribe(): void };
    try {
      handle = this.#connection.subscribe(subject, { callback });
    } catch (cause) {
      return Promise.reject(refusal(channel, cause));
    }
    const unsubscribe = () => handle.unsubscribe();
    const subscription: Subscription = { promise, resolve, reject, unsubscribe, isConfirmed: false };
    this.#subscriptions.set(channel, subscription);
    return promise;
  }

  remove(channel: string): void {
    const subscription = this.#subscriptions.get(channel);
    if (subscription === undefined) return;
    this.#subscriptions.delete(channel);
    subscription.resolve();
    try {
      subscription.unsubscribe();
    } catch {
      // It throws where the connection has been closed: then nothing is subscribed.
    }
  }

  clear(): void {
    for (const channel of [...this.#subscriptions.keys()]) this.remove(channel);
  }

  /** Those that wait for the server. Call it before asking; what it returns when the server has answered. */
  unconfirmed(): () => void {
    const waiting = [...this.#subscriptions].filter(([, { isConfirmed }]) => !isConfirmed);
    return () => {
      for (const [channel, subscription] of waiting) {
        if (this.#subscriptions.get(channel) !== subscription) continue;
        subscription.isConfirmed = true;
        subscription.resolve();
      }
    };
  }

  #refused(channel: string, subscription: Subscription, cause: unknown): void {
    this.#subscriptions.delete(channel);
    const error = refusal(channel, cause);
    if (subscription.isConfirmed) this.#failed(error);
    else subscription.reject(error);
  }
}

function refusal(channel: string, cause: unknown): EngineError {
  return new EngineError('subscribe', `NATS refused the channel ${JSON.stringify(channel)}`, { cause });
}
