import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SharedFrames, Transport, TransportListener } from '../connection/transport.js';
import type { Opcode } from '../websock/message.js';
import { isControl } from './frame.js';
import { FrameWriter } from './frame-writer.js';
import type { SharedDeflate } from './shared-deflate.js';
import { frameBesideWs, plainFrame, seenByWs, type SharedFrame } from './shared-frames.js';
import { flushSoon } from './tick-end.js';
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
  /** Undefined where ws alone writes: it compresses, and each message leans on those before it. */
  readonly #writer: FrameWriter | undefined;
  /** Where ws compresses, and messages may be compressed beside it. */
  readonly #deflate: SharedDeflate | undefined;
  /** Frames given to ws that have not left: it compresses on another thread, and nothing may overtake them. Counted beside `#deflate`. */
  #inWs = 0;
  readonly #onLeft: (() => void) | undefined;
  /** The writer will be flushed before the tick is over. */
  #flushing = false;
  /** `send` has returned false, and `drained()` has not been called since. */
  #waiting = false;
  #whenTaken: (() => void) | undefined;

  constructor(
    ws: HostedWebSocket,
    socket: Duplex,
    listener: TransportListener,
    maxBufferedAmount: number,
    deflate?: SharedDeflate,
  ) {
    this.#ws = ws;
    this.#socket = socket as MaybeSocket;
    this.#listener = listener;
    this.#maxBufferedAmount = maxBufferedAmount;
    ws.listen(listener);
    if (deflate !== undefined) {
      this.#deflate = deflate;
      this.#onLeft = () => this.#left();
    }
    if (ws.extensions === '' || deflate !== undefined) this.#writer = new FrameWriter(socket);
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
    try {
      return this.#send(opcode, payload, shared);
    } catch {
      // Out of memory, say: the frame is lost, and so is the stream of frames.
      this.destroy();
      return true;
    }
  }

  #send(opcode: Opcode, payload: string | Uint8Array, shared: SharedFrames | undefined): boolean {
    const writer = this.#writer;
    if (writer === undefined) return this.#sendByWs(opcode, payload);
    if (this.#deflate === undefined) {
      return shared === undefined
        ? this.#write(writer, opcode, payload)
        : this.#writeShared(writer, opcode, plainFrame(shared, opcode, payload));
    }
    return this.#sendBesideWs(writer, this.#deflate, opcode, payload, shared);
  }

  #write(writer: FrameWriter, opcode: Opcode, payload: string | Uint8Array): boolean {
    this.#count(opcode, writer.add(opcode, payload));
    return this.#flushInTime(writer);
  }

  #writeShared(writer: FrameWriter, opcode: Opcode, { sequence, size }: SharedFrame): boolean {
    writer.addShared(sequence);
    this.#count(opcode, size);
    return this.#flushInTime(writer);
  }

  /** All of a tick leaves in one write, unless it is much. Is the connection below its mark? */
  #flushInTime(writer: FrameWriter): boolean {
    // ws holds nothing now: not asked, for it is one more place in memory for each message.
    const passes = this.#socket.writableLength + writer.pending > this.#maxBufferedAmount;
    if (!passes && writer.pending < FLUSHED_AT) {
      if (!this.#flushing) {
        this.#flushing = true;
        flushSoon(this);
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
    try {
      this.#writer!.flush();
    } catch {
      // As in `send`. Others are flushed after it.
      this.destroy();
    }
  }

  /** What ws need not compress is written as where nothing is compressed, unless it would overtake what ws holds. */
  #sendBesideWs(
    writer: FrameWriter,
    deflate: SharedDeflate,
    opcode: Opcode,
    payload: string | Uint8Array,
    shared: SharedFrames | undefined,
  ): boolean {
    if (this.#inWs === 0) {
      if (shared === undefined) {
        if (isControl(opcode) || deflate.skips(payload)) return this.#write(writer, opcode, payload);
      } else {
        const frame = frameBesideWs(shared, deflate, opcode, payload);
        if (frame !== undefined) return this.#writeShared(writer, opcode, frame);
      }
      writer.flush();
    } else if (shared !== undefined) {
      seenByWs(shared, deflate);
    }
    this.#inWs++;
    return this.#sendByWs(opcode, payload);
  }

  #count(opcode: Opcode, bytes: number): void {
    this.#sent += bytes;
    this.#listener.sent(opcode, bytes);
  }

  #sendByWs(opcode: Opcode, payload: string | Uint8Array): boolean {
    const ws = this.#ws;
    this.#count(opcode, Buffer.byteLength(payload));
    const passes = ws.bufferedAmount + upperSize(payload) > this.#maxBufferedAmount;
    // Who writes beside ws must know of each; else only of the one that passes the mark.
    const done = this.#onLeft ?? (passes ? this.#onTaken : undefined);
    if (opcode === 'text' || opcode === 'binary') ws.send(payload, { binary: opcode === 'binary' }, done);
    else ws[opcode](payload, false, done);
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
    if (this.#writer !== undefined) this.flush();
    this.#ws.finish(code, reason);
    this.#ws.resume();
  }

  destroy(): void {
    this.#ws.terminate();
  }

  /** A message that passed the mark has left, and all before it; or the socket is gone. */
  #taken(): void {
    if (!this.#waiting || this.#stillFull()) return;
    this.#waiting = false;
    this.#listener.drained();
  }

  /** The same as a function, made for the first client that has to drain. */
  get #onTaken(): () => void {
    return (this.#whenTaken ??= () => this.#taken());
  }

  /** ws has let go of a frame. */
  #left(): void {
    this.#inWs--;
    this.#taken();
  }

  #stillFull(): boolean {
    return this.#ws.readyState === HostedWebSocket.OPEN && this.#ws.bufferedAmount > this.#maxBufferedAmount;
  }
}

/** More than this in one tick does not wait for its end. */
const FLUSHED_AT = 65_536;

/** At least the bytes of the payload. */
function upperSize(payload: string | Uint8Array): number {
  return typeof payload === 'string' ? payload.length * 3 : payload.length;
}
