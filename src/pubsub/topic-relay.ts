import type { ConnectionRef } from '../websock/connection.js';

/** What carries the messages of topics to the other nodes and from them. `cluster/` fills it; without it topics are local. */
export interface TopicRelay {
  /** The first local subscriber has come. */
  join(topic: string): void;
  /** The last has gone. */
  leave(topic: string): void;
  /** Resolves when the messages of other nodes arrive. */
  joined(topic: string): Promise<void>;
  /**
   * Takes a message for the other nodes; it leaves when the tick is over. `except`: a connection of one of them that does not get it.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE` when it cannot be encoded; never for what the broker does
   */
  publish(topic: string, message: unknown, except?: ConnectionRef): void;
}
