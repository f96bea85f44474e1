import type { Duplex, Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/** What is used of ws beyond its documented interface. `whyClosed` in ws-check.ts tries all of it before the first connection. */
interface Internals {
  readonly _receiver: Writable;
  readonly _socket: Duplex;
  readonly _extensions: { readonly 'permessage-deflate'?: { readonly params: DeflateParameters } };
}

/** What server and client have agreed on (RFC 7692 §7.1). */
export interface DeflateParameters {
  readonly server_no_context_takeover?: true;
  readonly server_max_window_bits?: number;
}

/** Undefined where nothing is compressed. */
export function deflateParameters(ws: WebSocket): DeflateParameters | undefined {
  return (ws as unknown as Internals)._extensions['permessage-deflate']?.params;
}

/** Gives ws bytes as if they had come from the socket. */
export function feed(ws: WebSocket, bytes: Buffer): void {
  const { _receiver, _socket } = ws as unknown as Internals;
  if (!_receiver.write(bytes)) _socket.pause();
}

/** ws takes no more: it has found a fault, which it tells later, or the client's close frame. */
export function isDone(ws: WebSocket): boolean {
  const { _receiver } = ws as unknown as Internals;
  return _receiver.errored !== null || _receiver.writableEnded;
}

/** Takes ws's own listener off the socket: what is read goes to `feed`. */
export function takeData(socket: Duplex): void {
  for (const listener of socket.listeners('data')) {
    if (listener.name === 'socketOnData') socket.off('data', listener as (chunk: Buffer) => void);
  }
}
