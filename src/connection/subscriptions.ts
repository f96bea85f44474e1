import type { SubscribeOptions } from '../websock/topic.js';
import type { Topics, TopicSubscriber } from './topics.js';

/** The topics that one connection is subscribed to. */
export class Subscriptions {
  readonly #topics: Topics;
  readonly #subscriber: TopicSubscriber;
  readonly #names = new Set<string>();

  constructor(topics: Topics, subscriber: TopicSubscriber) {
    this.#topics = topics;
    this.#subscriber = subscriber;
  }

  add(topic: string, options: SubscribeOptions): void {
    this.#topics.subscribe(topic, this.#subscriber, options);
    this.#names.add(topic);
  }

  remove(topic: string): void {
    if (this.#names.delete(topic)) this.#topics.unsubscribe(topic, this.#subscriber);
  }

  /** The end is decided. */
  release(): void {
    for (const topic of this.#names) this.#topics.unsubscribe(topic, this.#subscriber);
    this.#names.clear();
  }
}
