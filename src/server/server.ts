import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Handler } from '../connection/handler.js';
import type { ConnectionRegistry } from '../connection/registry.js';
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
   * @internal Completes the handshake on the socket, which is free, and opens the connection. MUST send the headers that the app set, MUST
   * keep `head`, and MUST NOT throw for a socket that is gone.
   */
  accept(accepted: AcceptedUpgrade): void;
}

/** A server that listens for itself, on a port of its own, and lets the HTTP server's app decide who may connect: what `uws()` makes. */
export interface WireServer extends Server {
  /**
   * @internal Begins to listen; resolves when clients can connect.
   *
   * @throws WebSockError when it cannot: the boot of the app fails
   */
  start(host: WireHost): Promise<void>;

  /** @internal Stops listening and drops what is left. New requests are refused, and connections gone, by then. MUST NOT throw or reject. */
  stop(): Promise<void>;
}

/** What a server that listens for itself is given. */
export interface WireHost {
  /** Opens the connections. */
  readonly registry: ConnectionRegistry;

  /** The largest `maxMessageSize` of all handlers that are known, and of the defaults; a single `upgrade()` may still give a larger one. */
  readonly maxMessageSize: number;

  /**
   * Runs an upgrade request through the app. The response is written to `socket`, as HTTP/1.1, and the socket ended; or `accept()`
   * of the server gets both, once the app has decided to upgrade. The server MUST destroy the socket when its client goes away.
   */
  receive(request: IncomingMessage, socket: Duplex): void;
}
