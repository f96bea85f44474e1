import type { Connection } from '../websock/connection.js';
import type { RawMessage } from '../websock/message.js';

/** What a hosted socket asks of its connection beyond what handlers see: it speaks past results. */
export interface HostedConnection extends Connection {
  /** The end is decided: nothing is sent any more. */
  readonly isEnding: boolean;
  /** The client must drain before more is sent. */
  readonly isPressured: boolean;
  /** How many messages may wait for that. */
  readonly maxMailbox: number;
  /**
   * Sends a message now.
   *
   * @throws TypeError for one that cannot be sent
   */
  sendNow(message: RawMessage): void;
  /** Called whenever the client has drained, or will not any more. */
  whenDrained(listener: () => void): void;
  /** Holds the client's messages back, or lets them come. */
  hold(isHeld: boolean): void;
  /** Ends with a close frame; what waits is dropped. */
  stop(code: number | undefined, reason: string | Uint8Array): void;
  /** More waits for the client than may: ends with 1013. */
  overflow(): void;
  /** Drops the transport. */
  drop(): void;
}
