import type { Connection, ConnectionRef } from '../websock/connection.js';
import { checkSubscribeOptions, checkTopic, type SubscribeOptions } from '../websock/topic.js';
import { Listeners } from './listeners.js';
import { type LocalTopics } from './local-topics.js';
import type { Subscriber } from './subscriber.js';
import type { TopicListener } from './topic-listener.js';
import type { MessagesOptions, TopicMessages } from './topic-messages.js';

/** What `PubSub` asks of the connections of this node: the live one of a reference. */
export type FindConnection = (
  ref: ConnectionRef,
) => (Pick<Connection, 'subscribe' | 'unsubscribe'> & Subscriber) | undefined;

/** What a `PubSub` broadcasts to, for the floors above; undefined for a stand-in. No entry point exports it. */
export let topicsOf: (pubsub: PubSub) => LocalTopics | undefined;

/**
 * Topics: messages to whoever is subscribed, on any node (`Phoenix.PubSub`). A topic is a string of at most 400 bytes; it exists while
 * somebody is subscribed. A message is handed over, not copied: treat it as immutable. The order of one sender's messages is kept.
 */
export class PubSub {
  readonly #app: string;
  readonly #topics: LocalTopics;
  readonly #listeners: Listeners;
  readonly #find: FindConnection;

  static {
    topicsOf = (pubsub) => (#topics in pubsub ? pubsub.#topics : undefined);
  }

  /** @internal Inject it, or take `pubsub` of a `WebSockServer`. */
  constructor(app: string, topics: LocalTopics, find: FindConnection) {
    this.#app = app;
    this.#topics = topics;
    this.#listeners = new Listeners(app, topics);
    this.#find = find;
  }

  /**
   * Sends `message` to all subscribers of a topic, on all nodes, the sender included if it is one. Never waits, and never throws for what
   * a subscriber does.
   *
   * @throws TypeError for a bad topic; WebSockError `WEBSOCK_INFO_ENCODE` when there are other nodes and the message cannot be encoded:
   * then nobody gets it
   */
  broadcast(topic: string, message: unknown): void {
    checkTopic('broadcast', topic);
    // The relay first: what cannot be encoded reaches nobody.
    this.#topics.relay?.publish(topic, message);
    this.#topics.deliver(topic, message);
  }

  /** The same to all but `from`: a connection, or a listener of this node. */
  broadcastFrom(from: Connection | ConnectionRef | TopicListener, topic: string, message: unknown): void {
    checkTopic('broadcastFrom', topic);
    this.#topics.relay?.publish(topic, message, this.#refElsewhere('broadcastFrom', from));
    this.#topics.deliver(topic, message, this.#subscriberOf('broadcastFrom', topic, from));
  }

  /** Sends `message` to the subscribers on this node only. It is not encoded: it may be anything. */
  localBroadcast(topic: string, message: unknown): void {
    checkTopic('localBroadcast', topic);
    this.#topics.deliver(topic, message);
  }

  /** The same to all but `from`. */
  localBroadcastFrom(
    from: Connection | ConnectionRef | TopicListener,
    topic: string,
    message: unknown,
  ): void {
    checkTopic('localBroadcastFrom', topic);
    this.#topics.deliver(topic, message, this.#subscriberOf('localBroadcastFrom', topic, from));
  }

  /**
   * Subscribes a connection of this node, as its own `connection.subscribe` does. One that has ended is left alone.
   *
   * @throws TypeError for a bad topic or option, and for a connection of another node
   */
  subscribe<T>(topic: string, connection: Connection | ConnectionRef, options?: SubscribeOptions<T>): void;
  /**
   * Subscribes a function: it is called with each message, from a microtask, in the async context of this call, and not awaited. What it
   * throws or rejects with is reported (telemetry `listener.error`, the log). It ends by `unsubscribe`, and when the app has shut down.
   *
   * @throws TypeError for a bad topic or option
   */
  subscribe<T>(topic: string, listener: TopicListener<T>, options?: ListenOptions): void;
  subscribe(
    topic: string,
    who: Connection | ConnectionRef | TopicListener,
    options: SubscribeOptions = {},
  ): void {
    checkTopic('subscribe', topic);
    checkSubscribeOptions(options);
    if (typeof who !== 'function') {
      this.#connection('subscribe', who)?.subscribe(topic, options);
    } else if (options.fastlane === undefined) {
      this.#listeners.add(topic, who, options);
    } else {
      throw new TypeError('subscribe: a listener has no client that a fastlane could lead to');
    }
  }

  /**
   * Ends a subscription. A listener is not called any more; what waits in a connection's mailbox stays there.
   *
   * @throws TypeError for a bad topic, and for a connection of another node
   */
  unsubscribe(topic: string, who: Connection | ConnectionRef | TopicListener): void {
    checkTopic('unsubscribe', topic);
    if (typeof who === 'function') this.#listeners.remove(topic, who);
    else this.#connection('unsubscribe', who)?.unsubscribe(topic);
  }

  /**
   * The messages of a topic one by one, from now on: `for await (const message of pubsub.messages('orders'))`. What waits past
   * `highWaterMark` is dropped, the oldest first, and counted: `dropped`, telemetry `listener.overflow`.
   *
   * @throws TypeError for a bad topic or signal; RangeError for a bad `highWaterMark`
   */
  messages<T = any>(topic: string, options: MessagesOptions = {}): TopicMessages<T> {
    checkTopic('messages', topic);
    return this.#listeners.open(topic, options);
  }

  /**
   * Resolves when the messages of other nodes arrive here, too: subscribing takes a broker a moment. At once where there are no other
   * nodes, or nobody here is subscribed. While the broker is away it waits.
   */
  async subscribed(topic: string): Promise<void> {
    checkTopic('subscribed', topic);
    if (this.#topics.has(topic)) await this.#topics.relay?.joined(topic);
  }

  /** @internal The app has shut down. */
  release(): void {
    this.#listeners.release();
  }

  #connection(verb: string, who: Connection | ConnectionRef): ReturnType<FindConnection> {
    const ref = refOf(verb, who);
    if (this.#isElsewhere(ref))
      throw new TypeError(`${verb}: connection ${ref} is not of this node (${this.#app}); do it there`);
    return this.#find(ref);
  }

  #subscriberOf(
    verb: string,
    topic: string,
    who: Connection | ConnectionRef | TopicListener,
  ): Subscriber | undefined {
    return typeof who === 'function' ? this.#listeners.find(topic, who) : this.#find(refOf(verb, who));
  }

  #refElsewhere(verb: string, who: Connection | ConnectionRef | TopicListener): ConnectionRef | undefined {
    if (typeof who === 'function') return undefined;
    const ref = refOf(verb, who);
    return this.#isElsewhere(ref) ? ref : undefined;
  }

  #isElsewhere(ref: ConnectionRef): boolean {
    return !ref.startsWith(`${this.#app}.`);
  }
}

/** How a listener is subscribed. */
export type ListenOptions = Pick<SubscribeOptions, 'gaps'>;

function refOf(verb: string, who: Connection | ConnectionRef): ConnectionRef {
  const ref = typeof who === 'string' ? who : who?.ref;
  if (typeof ref === 'string') return ref;
  throw new TypeError(`${verb}: expected a connection, a reference or a function`);
}
