/**
 * A close code that may be sent: 1000–1003, 1007–1014 or 3000–4999 (RFC 6455 §7.4 and the IANA registry);
 * 4000–4999 are free for applications.
 */
export type CloseCode = number;

/** What the close frame says: a code, or a code and a reason of at most 123 bytes of UTF-8 (RFC 6455 §5.5.1). */
export type CloseDetail = CloseCode | readonly [code: CloseCode, reason: string | Uint8Array | null];

/**
 * Why a connection ended, as `terminate` receives it (WebSock's `close_reason`).
 *
 * - `'normal'`: the handler stopped with `'normal'` or one of the two special shutdown reasons
 * - `'remote'`: the client sent a close frame
 * - `'shutdown'`: the server is shutting down
 * - `'timeout'`: no data from the client for `timeout` ms
 * - `['error', error]`: anything else: the reason of a stop, what a callback threw, a `ProtocolError`, or one of
 *   `'closed'` (the TCP connection went away), `'send_timeout'`, `'overload'`
 */
export type CloseReason = 'normal' | 'remote' | 'shutdown' | 'timeout' | readonly ['error', unknown];

/** What `terminate` learns beside the close reason. */
export interface CloseFacts {
  /** The code that the close frame carries; 1005 for a client's close without one, 1006 where there is no close frame. */
  readonly code: number;
  /** The close frame's reason, `''` when there is none. */
  readonly reason: string;
  /** Who ended it: this server, the client by a close frame, or the transport by going away. */
  readonly initiator: 'server' | 'client' | 'transport';
}

/** A client's close frame without a code (RFC 6455 §7.1.5). Never sent. */
export const NO_STATUS_RECEIVED = 1005;

/** No close frame at all (RFC 6455 §7.1.5). Never sent. */
export const ABNORMAL_CLOSURE = 1006;

/** The longest close reason: a control payload less the two bytes of the code (RFC 6455 §5.5). */
export const MAX_CLOSE_REASON_BYTES = 123;

/** May this code stand in a close frame (RFC 6455 §7.4.2)? */
export function isCloseCode(code: unknown): code is CloseCode {
  return (
    Number.isInteger(code) &&
    (inRange(code as number, 1000, 1003) ||
      inRange(code as number, 1007, 1014) ||
      inRange(code as number, 3000, 4999))
  );
}

function inRange(value: number, from: number, to: number): boolean {
  return value >= from && value <= to;
}
