import type { SubscribeOptions } from '../websock/topic.js';
import type { LocalTopics } from './local-topics.js';
import type { Subscriber } from './subscriber.js';
import { ListenerSubscription, type TopicListener } from './topic-listener.js';
import { TopicMessages, type MessagesOptions } from './topic-messages.js';

/** The subscriptions of services: functions and iterables. They live until they are ended, or the app shuts down. */
export class Listeners {
  readonly #app: string;
  readonly #topics: LocalTopics;
  readonly #functions = new Map<string, Map<TopicListener, ListenerSubscription>>();
  readonly #iterables = new Set<TopicMessages>();
  #isReleased = false;

  constructor(app: string, topics: LocalTopics) {
    this.#app = app;
    this.#topics = topics;
  }

  add(topic: string, listener: TopicListener, options: SubscribeOptions): void {
    if (this.#isReleased) return;
    let subscriptions = this.#functions.get(topic);
    if (subscriptions === undefined) this.#functions.set(topic, (subscriptions = new Map()));
    let subscription = subscriptions.get(listener);
    if (subscription === undefined)
      subscriptions.set(listener, (subscription = new ListenerSubscription(this.#app, topic, listener)));
    this.#topics.subscribe(topic, subscription, options);
  }

  remove(topic: string, listener: TopicListener): void {
    const subscriptions = this.#functions.get(topic);
    const subscription = subscriptions?.get(listener);
    if (subscription === undefined) return;
    subscription.release();
    this.#topics.unsubscribe(topic, subscription);
    subscriptions!.delete(listener);
    if (subscriptions!.size === 0) this.#functions.delete(topic);
  }

  find(topic: string, listener: TopicListener): Subscriber | undefined {
    return this.#functions.get(topic)?.get(listener);
  }

  /** @throws RangeError, TypeError */
  open<T>(topic: string, options: MessagesOptions): TopicMessages<T> {
    const messages = new TopicMessages<T>(this.#app, topic, options, (ended) => {
      this.#iterables.delete(ended);
      this.#topics.unsubscribe(topic, ended);
    });
    if (this.#isReleased) messages.end();
    if (messages.isOver) return messages;
    this.#iterables.add(messages);
    this.#topics.subscribe(topic, messages, options.gaps === undefined ? {} : { gaps: options.gaps });
    return messages;
  }

  /** The app has shut down. */
  release(): void {
    this.#isReleased = true;
    for (const [topic, subscriptions] of this.#functions)
      for (const listener of subscriptions.keys()) this.remove(topic, listener);
    for (const messages of this.#iterables) messages.end();
  }
}
