import type { Duplex } from 'node:stream';
import { FrameReader, type ReaderLimits } from './frame-reader.js';
import { flushAfter } from './tick-end.js';
import { takeData } from './ws-internals.js';
import type { HostedWebSocket } from './ws-socket.js';

const READER = Symbol('reader');

type ReadSocket = Duplex & { [READER]?: FrameReader };

/** Puts a `FrameReader` between a socket and its ws. Not where frames may be compressed: ws inflates them later than they come. */
export function readFrames(socket: ReadSocket, ws: HostedWebSocket, limits: ReaderLimits): void {
  socket[READER] = new FrameReader(ws, limits);
  takeData(socket);
  socket.on('data', onData);
  // Before ws, which would read what is left past the reader.
  socket.prependListener('close', onClose);
}

function onData(this: ReadSocket, chunk: Buffer): void {
  flushAfter(this[READER]!, chunk);
}

/** A socket that was paused may hold more. */
function onClose(this: ReadSocket): void {
  this.off('data', onData);
  for (let chunk: Buffer | null; (chunk = this.read() as Buffer | null) !== null;) this[READER]!.read(chunk);
}
