import type { ConnectionRef } from '../websock/connection.js';

/** The connections of other nodes: what `Connections` asks of the cluster, which fills it. References of this node never come here. */
export interface Elsewhere {
  /** @throws WebSockError `WEBSOCK_INFO_ENCODE` */
  sendInfo(ref: ConnectionRef, message: unknown): void;
  /**
   * The same later: encodes the message now; the function returned sends it, and MUST NOT throw.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE`
   */
  prepareInfo(ref: ConnectionRef, message: unknown): () => void;
  /** Rejects as `Connections.call` does. */
  call(ref: ConnectionRef, message: unknown, timeout: number): Promise<unknown>;
  /** Calls `down` once, when the connection has ended, its node included; with why. Returns how to stop. Never throws. */
  monitor(ref: ConnectionRef, down: (reason: unknown) => void): () => void;
}
