import type { Message } from '../websock/message.js';

/** Who is subscribed to a topic: a connection, or a function of a service's. */
export interface Subscriber {
  /** MUST only enqueue, and MUST NOT throw. */
  receiveInfo(message: unknown): void;
  /**
   * The message for its client, past `handleInfo`; only called where it subscribed with a `fastlane`.
   *
   * @throws what is wrong with the message; nothing else
   */
  receiveFastlane?(message: Message): void;
}
