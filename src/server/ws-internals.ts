import type { Duplex, Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/** What is used of ws beyond its documented interface. `whyNotRead` in ws-check.ts tries all of it before the first connection. */
interface Internals {
  readonly _receiver: Writable;
  readonly _socket: Duplex;
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
