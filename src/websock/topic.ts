import type { Message } from './message.js';

/** How a connection takes the messages of a topic. */
export interface SubscribeOptions<T = any> {
  /**
   * Makes the client's message of the topic's: it goes straight to the client, in its place among what waits, and `handleInfo` is
   * not called (Phoenix's fastlane). Called once per message for all connections that subscribed with the same function; what it
   * returns is framed once. It must not throw: then the message is dropped for these connections, and the error reported.
   */
  fastlane?: (message: T) => Message;
  /** Whether `handleInfo` gets `['gap', topic]` when messages of other nodes may have been lost. Default false. */
  gaps?: boolean;
}

/** Messages of a topic that other nodes published may have been lost: what subscribers get that asked for `gaps`. */
export type GapInfo = readonly ['gap', topic: string];

/**
 * A monitored connection has ended, as a monitor's info. `reason`: as its `terminate` got it, an error as its message; `'noproc'`: there
 * was no such connection; `'noconnection'`: its node is gone (Elixir's words).
 */
export type DownInfo = readonly ['down', ref: string, reason: unknown];

/** Topics travel as names of a broker's channels, which are bounded. */
const MAX_TOPIC_BYTES = 400;

/**
 * `verb` says who asks.
 *
 * @throws TypeError
 */
export function checkTopic(verb: string, topic: unknown): void {
  if (typeof topic !== 'string') throw new TypeError(`${verb}: a topic is a string, not ${typeof topic}`);
  if (topic === '') throw new TypeError(`${verb}: a topic is not empty`);
  // A broker would make U+FFFD of it, and one topic of two.
  if (!isWellFormed(topic)) throw new TypeError(`${verb}: a topic is well-formed, without lone surrogates`);
  // A code unit is at most three bytes of UTF-8.
  if (topic.length * 3 > MAX_TOPIC_BYTES && Buffer.byteLength(topic) > MAX_TOPIC_BYTES)
    throw new TypeError(`${verb}: a topic has at most ${MAX_TOPIC_BYTES} bytes of UTF-8`);
}

/** Whether text is the same on the other side of UTF-8: it has no lone surrogate. */
export function isWellFormed(text: string): boolean {
  // Node has it; the types of ES2023 do not.
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

/** @throws TypeError */
export function checkSubscribeOptions(options: SubscribeOptions): void {
  const { fastlane, gaps, ...others } = options;
  if (fastlane !== undefined && typeof fastlane !== 'function')
    throw new TypeError(`subscribe: fastlane is a function, not ${typeof fastlane}`);
  if (gaps !== undefined && typeof gaps !== 'boolean')
    throw new TypeError(`subscribe: gaps is true or false, not ${typeof gaps}`);
  const unknown = Object.keys(others);
  if (unknown.length > 0)
    throw new TypeError(`subscribe: unknown option ${unknown.join(', ')}; known are fastlane, gaps`);
}
