import { AsyncResource } from 'node:async_hooks';
import { telemetry } from '../telemetry/events.js';
import type { Subscriber } from './subscriber.js';

/**
 * A function that listens to a topic. It is called from a microtask, in the async context in which it subscribed, and not awaited. What
 * it throws or rejects with is reported (telemetry `listener.error`).
 */
export type TopicListener<T = any> = (message: T, topic: string) => unknown;

/** A service's subscription to one topic by a function. */
export class ListenerSubscription implements Subscriber {
  readonly #app: string;
  readonly #topic: string;
  readonly #listener: TopicListener;
  readonly #context = new AsyncResource('WebSockTopicListener');
  #waiting: unknown[] = [];
  #isReleased = false;

  constructor(app: string, topic: string, listener: TopicListener) {
    this.#app = app;
    this.#topic = topic;
    this.#listener = listener;
  }

  receiveInfo(message: unknown): void {
    if (this.#waiting.push(message) > 1) return;
    queueMicrotask(() => this.#context.runInAsyncScope(this.#callForAll, this));
  }

  /** Nothing that waits is delivered any more. */
  release(): void {
    this.#isReleased = true;
  }

  #callForAll(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    for (const message of messages) {
      if (this.#isReleased) return;
      void this.#call(message);
    }
  }

  async #call(message: unknown): Promise<void> {
    try {
      await this.#listener(message, this.#topic);
    } catch (error) {
      if (!telemetry.listenerError.hasSubscribers) return;
      const event = { app: this.#app, topic: this.#topic, ref: undefined, error };
      telemetry.listenerError.publish({ ...event, listener: 'topic' });
    }
  }
}
