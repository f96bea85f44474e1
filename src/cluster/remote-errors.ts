import type { ConnectionRef } from '../websock/connection.js';
import {
  CallTimeoutError,
  ConnectionEndedError,
  NoReplyError,
  UnknownRefError,
  WebSockError,
} from '../websock/errors.js';
import { describeThrown } from '../websock/thrown.js';

/** Why a call failed, as it travels: a code of ours, or nothing and the error's words. */
export interface RemoteFailure {
  readonly code: string;
  readonly message: string;
}

export function failureOf(error: unknown): RemoteFailure {
  if (error instanceof WebSockError) return { code: error.code, message: error.message };
  return { code: '', message: describeThrown(error) };
}

/** The error with which a call on this node would have failed. */
export function errorOf({ code, message }: RemoteFailure, ref: ConnectionRef, timeout: number): Error {
  switch (code) {
    case 'WEBSOCK_CALL_NO_REPLY':
      return new NoReplyError(ref);
    case 'WEBSOCK_CALL_ENDED':
      return new ConnectionEndedError(ref);
    case 'WEBSOCK_CALL_TIMEOUT':
      return new CallTimeoutError(ref, timeout);
    case 'WEBSOCK_CALL_UNKNOWN_REF':
      return new UnknownRefError(ref);
    default:
      return new Error(message);
  }
}
