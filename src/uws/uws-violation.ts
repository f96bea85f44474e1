import { ProtocolError } from '../websock/errors.js';

/** Close codes for what uWS says when it drops a client that broke the protocol; versions differ in how much they say. */
const CODES: readonly (readonly [says: RegExp, closeCode: number])[] = [
  [/too big/i, 1009],
  [/utf-?8/i, 1007],
  [/inflation/i, 1007],
  [/invalid websocket frame/i, 1002],
];

/** Was it a close frame with a code or reason that may not be sent? uWS says so in newer versions. */
export function isBadClose(message: string): boolean {
  return /invalid close payload/i.test(message);
}

/** What the client did, by the message of uWS's close event; undefined: its connection has only gone. */
export function violationOf(message: string): ProtocolError | undefined {
  const code = CODES.find(([says]) => says.test(message))?.[1];
  return code === undefined ? undefined : new ProtocolError(code, message);
}
