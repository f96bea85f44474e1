import type { ConnectionRef } from '../websock/connection.js';

/** The connections of other nodes: what `Connections` asks of the cluster, which fills it. References of this node never come here. */
export interface Elsewhere {
  /** @throws WebSockError `WEBSOCK_INFO_ENCODE` */
  sendInfo(ref: ConnectionRef, message: unknown): void;
  /**
   * The same after `ms` milliseconds, with the message as it is now; returns how to cancel it. Its timer MUST NOT keep the process alive:
   * there is no connection here that it would die with.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE`
   */
  sendInfoAfter(ref: ConnectionRef, ms: number, message: unknown): () => void;
  /** Rejects as `Connections.call` does. */
  call(ref: ConnectionRef, message: unknown, timeout: number): Promise<unknown>;
  /** Calls `down` once, when the connection has ended, its node included; with why. Returns how to stop. Never throws. */
  monitor(ref: ConnectionRef, down: (reason: unknown) => void): () => void;
}
