import type { Handler } from '../connection/handler.js';
import type { AcceptedUpgrade } from '../upgrade/door.js';

/** What `upgrade()` leaves for the server that opens the connection. */
export interface Target {
  readonly handler: Handler;
  /** For `init`. */
  readonly argument: unknown;
}

/**
 * What speaks the wire: it completes the opening handshake and opens the connection. Every server passes the
 * same case list (test/conformance).
 */
export interface Server {
  /**
   * Completes the handshake on the socket, which is free, and opens the connection. MUST send the headers that the app set, MUST
   * keep `head`, and MUST NOT throw for a socket that is gone.
   */
  accept(accepted: AcceptedUpgrade): void;
}
