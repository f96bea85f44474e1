import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SharedFrames, Transport, TransportListener } from '../connection/transport.js';
import type { Opcode } from '../websock/message.js';
import { frameOf, FrameWriter, payloadSize } from './frame-writer.js';
import { HostedWebSocket } from './ws-socket.js';
import { isStream, StreamProgress } from './ws-stream.js';

/** A TCP or TLS socket, or a stream without counters. */
type MaybeSocket = Duplex & Partial<Pick<Socket, 'bytesRead' | 'bytesWritten'>>;

/** What tells partial writes apart; not in Node's types. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  /** Under TLS: the TCP handle, which has them right. */
  readonly _parent?: Handle;
}

/** A connection's transport on a `ws` socket. */
export class WsTransport implements Transport {
  readonly #ws: HostedWebSocket;
  readonly #socket: MaybeSocket;
  readonly #listener: TransportListener;
  readonly #maxBufferedAmount: number;
  /** A stream of HTTP/2 counts nothing itself. */
  #counted = 0;
  readonly #progress: StreamProgress | undefined;
  #sent = 0;
  /** Undefined where ws compresses: frames of both kinds must keep their order. */
  readonly #writer: FrameWriter | undefined;
  /** The writer will be flushed before the tick is over. */
  #flushing = false;
  /** `send` has returned false, and `drained()` has not been called since. */
  #waiting = false;

  constructor(ws: HostedWebSocket, socket: Duplex, listener: TransportListener, maxBufferedAmount: number) {
    this.#ws = ws;
    this.#socket = socket as MaybeSocket;
    this.#listener = listener;
    this.#maxBufferedAmount = maxBufferedAmount;
    ws.listen(listener);
    this.#writer = ws.extensions === '' ? new FrameWriter(socket) : undefined;
    this.#progress = isStream(socket) ? new StreamProgress(socket) : undefined;
    if (this.#socket.bytesRead === undefined)
      socket.on('data', (chunk: Buffer) => (this.#counted += chunk.length));
  }

  get bufferedAmount(): number {
    // ws counts what is sent while it closes, for ever.
    if (this.#ws.readyState !== HostedWebSocket.OPEN) return this.#socket.writableLength;
    return this.#ws.bufferedAmount + (this.#writer?.pending ?? 0);
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead ?? this.#counted;
  }

  get bytesAccepted(): number {
    if (this.#progress !== undefined) return this.#progress.bytesAccepted;
    // The handle knows about partial writes; without it only whole writes count.
    const handle = (this.#socket as { _handle?: Handle | null })._handle;
    const { bytesWritten, writeQueueSize } = handle?._parent ?? handle ?? {};
    if (bytesWritten !== undefined && writeQueueSize !== undefined) return bytesWritten - writeQueueSize;
    return (this.#socket.bytesWritten ?? this.#sent) - this.#socket.writableLength;
  }

  send(opcode: Opcode, payload: string | Uint8Array, shared?: SharedFrames): boolean {
    if (this.#ws.readyState !== HostedWebSocket.OPEN) return true;
    return this.#writer === undefined
      ? this.#sendByWs(opcode, payload)
      : this.#write(this.#writer, opcode, payload, shared);
  }

  /** All of a tick leaves in one write, unless it is much. */
  #write(
    writer: FrameWriter,
    opcode: Opcode,
    payload: string | Uint8Array,
    shared: SharedFrames | undefined,
  ): boolean {
    if (shared === undefined) this.#count(opcode, writer.add(opcode, payload));
    else this.#addShared(writer, sharedFrame(shared, opcode, payload), opcode);
    const passes = this.bufferedAmount > this.#maxBufferedAmount;
    if (!passes && writer.pending < FLUSHED_AT) {
      if (!this.#flushing) {
        this.#flushing = true;
        process.nextTick(flushTransport, this);
      }
      return true;
    }
    // Only the write that passes the mark needs to know when it has left.
    writer.flush(passes ? this.#onTaken : undefined);
    return this.#isBelowMark();
  }

  /** The tick is over. */
  flush(): void {
    this.#flushing = false;
    this.#writer!.flush();
  }

  #addShared(writer: FrameWriter, frame: Uint8Array, opcode: Opcode): void {
    writer.addFrame(frame);
    this.#count(opcode, payloadSize(frame));
  }

  #count(opcode: Opcode, bytes: number): void {
    this.#sent += bytes;
    this.#listener.sent(opcode, bytes);
  }

  #sendByWs(opcode: Opcode, payload: string | Uint8Array): boolean {
    const ws = this.#ws;
    this.#count(opcode, Buffer.byteLength(payload));
    // Only the message that passes the mark needs to know when it has left.
    const passes = ws.bufferedAmount + upperSize(payload) > this.#maxBufferedAmount;
    const done = passes ? this.#onTaken : undefined;
    try {
      if (opcode === 'text' || opcode === 'binary') ws.send(payload, { binary: opcode === 'binary' }, done);
      else ws[opcode](payload, false, done);
    } catch {
      // zlib out of memory, say: the frame is lost, and so is the stream of frames.
      this.destroy();
      return true;
    }
    return !passes || this.#isBelowMark();
  }

  #isBelowMark(): boolean {
    if (this.#ws.bufferedAmount <= this.#maxBufferedAmount) return true;
    this.#waiting = true;
    return false;
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  close(code: number | undefined, reason: string | Uint8Array): void {
    this.#writer?.flush();
    this.#ws.finish(code, reason);
    this.#ws.resume();
  }

  destroy(): void {
    this.#ws.terminate();
  }

  /** A message that passed the mark has left, and all before it; or the socket is gone. */
  readonly #onTaken = (): void => {
    if (!this.#waiting || this.#stillFull()) return;
    this.#waiting = false;
    this.#listener.drained();
  };

  #stillFull(): boolean {
    return this.#ws.readyState === HostedWebSocket.OPEN && this.#ws.bufferedAmount > this.#maxBufferedAmount;
  }
}

/** More than this in one tick does not wait for its end. */
const FLUSHED_AT = 65_536;

/** Framed for the first connection that it goes to. */
function sharedFrame(shared: SharedFrames, opcode: Opcode, payload: string | Uint8Array): Uint8Array {
  let frame = shared.get(FrameWriter);
  if (frame === undefined) shared.set(FrameWriter, (frame = frameOf(opcode, payload)));
  return frame;
}

/** One function for all, not a closure each. */
function flushTransport(transport: WsTransport): void {
  transport.flush();
}

/** At least the bytes of the payload. */
function upperSize(payload: string | Uint8Array): number {
  return typeof payload === 'string' ? payload.length * 3 : payload.length;
}
