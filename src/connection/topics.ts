import type { Message } from '../websock/message.js';
import type { SubscribeOptions } from '../websock/topic.js';

/** What a connection asks of the app's topics. `pubsub/` fills it; they meet in `server/`. */
export interface Topics {
  /** Delivers what is broadcast from now on. One that subscribes again is subscribed once, with the newer options. */
  subscribe(topic: string, subscriber: TopicSubscriber, options: SubscribeOptions): void;
  unsubscribe(topic: string, subscriber: TopicSubscriber): void;
}

/** What a topic tells a connection. */
export interface TopicSubscriber {
  receiveInfo(message: unknown): void;
  /** @throws ResultError for a message that cannot be sent */
  receiveFastlane(message: Message): void;
}

/** Of a registry that no server has given any: nothing is ever broadcast. */
export const NO_TOPICS: Topics = {
  subscribe() {},
  unsubscribe() {},
};
