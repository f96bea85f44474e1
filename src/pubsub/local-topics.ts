import type { SubscribeOptions } from '../websock/topic.js';
import { Fastlanes } from './fastlanes.js';
import type { Subscriber } from './subscriber.js';
import type { TopicRelay } from './topic-relay.js';

/** The subscribers of one topic. While a message is handed round they are not changed, but replaced by a copy. */
class Subscribers {
  readonly options: Map<Subscriber, SubscribeOptions>;
  /** Messages that are being handed round. */
  deliveries = 0;

  constructor(entries?: Iterable<[Subscriber, SubscribeOptions]>) {
    this.options = new Map(entries);
  }
}

/** Who is subscribed to what, on this node. */
export class LocalTopics {
  readonly #app: string;
  readonly #topics = new Map<string, Subscribers>();
  /** Told of first and last subscribers, and of what is broadcast. */
  relay: TopicRelay | undefined;

  /** @param app names the app instance in telemetry */
  constructor(app: string) {
    this.#app = app;
  }

  /** A subscription that exists is one, with the newer options. */
  subscribe(topic: string, subscriber: Subscriber, options: SubscribeOptions): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers !== undefined) return void this.#changeable(topic, subscribers).set(subscriber, options);
    this.#topics.set(topic, new Subscribers([[subscriber, options]]));
    this.relay?.join(topic);
  }

  unsubscribe(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(topic);
    if (!subscribers?.options.has(subscriber)) return;
    const left = this.#changeable(topic, subscribers);
    left.delete(subscriber);
    if (left.size > 0) return;
    this.#topics.delete(topic);
    this.relay?.leave(topic);
  }

  /** Topics that anybody here is subscribed to. */
  topics(): Iterable<string> {
    return this.#topics.keys();
  }

  /** Is anybody here subscribed to it? */
  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** Hands a message to all but `except` that are subscribed now, in the order in which they came. Never throws. */
  deliver(topic: string, message: unknown, except?: Subscriber): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) return;
    let fastlanes: Fastlanes | undefined;
    subscribers.deliveries++;
    for (const [subscriber, { fastlane }] of subscribers.options) {
      if (subscriber === except) continue;
      if (fastlane === undefined) subscriber.receiveInfo(message);
      else (fastlanes ??= new Fastlanes(this.#app, topic, message)).deliver(subscriber, fastlane);
    }
    subscribers.deliveries--;
  }

  /** Tells those who asked for it that messages may have been lost. */
  announceGap(topic: string): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) return;
    subscribers.deliveries++;
    for (const [subscriber, { gaps }] of subscribers.options)
      if (gaps === true) subscriber.receiveInfo(['gap', topic]);
    subscribers.deliveries--;
  }

  /** What a change does not show to a message that is being handed round. */
  #changeable(topic: string, subscribers: Subscribers): Subscribers['options'] {
    if (subscribers.deliveries === 0) return subscribers.options;
    const copy = new Subscribers(subscribers.options);
    this.#topics.set(topic, copy);
    return copy.options;
  }
}
