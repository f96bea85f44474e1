import type { ControlMessage, DataMessage, Opcode } from '../websock/message.js';
import type { ProtocolError } from '../websock/errors.js';

/**
 * Comes with a message that goes to many connections. A server may keep on it what it makes of the message, under a key of its
 * own, for the next connection.
 */
export type SharedFrames = Map<unknown, unknown>;

/** What a connection asks of a socket. Every server implements it; one case list holds them all to it. */
export interface Transport {
  /** Bytes handed over by `send` that the kernel has not taken. MUST be 0 or falling once the transport is gone. */
  readonly bufferedAmount: number;

  /** Grows with every byte that comes from the client, whatever it belongs to. */
  readonly bytesReceived: number;

  /** Grows with every byte that the kernel takes, partial writes included where the server can tell. */
  readonly bytesAccepted: number;

  /**
   * Sends one message as one frame. Returns false when more than `maxBufferedAmount` bytes wait now; then the transport MUST
   * call `drained()` once, when what waits has been taken or the transport is gone. Gone or closing: MUST be a no-op that
   * returns true. MUST NOT throw.
   */
  send(opcode: Opcode, payload: string | Uint8Array, shared?: SharedFrames): boolean;

  /** Reading cannot be stopped: past 16 times `maxInbound` the connection ends with 1013 instead. */
  readonly cannotPause?: boolean;

  /** Stops reading. What the current read already holds MAY still be delivered. */
  pause(): void;

  resume(): void;

  /**
   * Sends the close frame, after everything sent before it, and completes the closing handshake, a client's own close that
   * came earlier included. `code` undefined sends a frame without a code. MUST also read on if paused.
   */
  close(code: number | undefined, reason: string | Uint8Array): void;

  /** Drops the transport without a close frame. MUST lead to `transportClosed()`. */
  destroy(): void;
}

/** What a transport tells its connection. It MUST call in the order of the bytes, and nothing after `transportClosed`. */
export interface TransportListener {
  /** A whole data message: fragments joined, inflated, text checked. `bytes`: of its payload; of text, its UTF-8. */
  receiveMessage(message: DataMessage, bytes: number): void;

  /** A ping or a pong. The transport MUST NOT answer pings: the connection does. */
  receiveControl(message: ControlMessage): void;

  /**
   * The client's close frame; 1005 where it had no code. The transport MUST NOT answer it before `close()` is called.
   */
  receiveClose(code: number, reason: Uint8Array): void;

  /** The client broke the protocol. The transport MUST NOT answer before `close()` is called. */
  receiveViolation(error: ProtocolError): void;

  /** A message of so many bytes of payload has been handed over: MUST be called within each `send` that is no no-op. */
  sent(opcode: Opcode, bytes: number): void;

  /** What waited has been taken, after a `send` that returned false. */
  drained(): void;

  /** The transport is gone: FIN, RST, `destroy()` or the end of the closing handshake. Once, last. */
  transportClosed(): void;
}
