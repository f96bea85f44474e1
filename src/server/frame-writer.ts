import type { Duplex } from 'node:stream';
import type { Opcode } from '../websock/message.js';
import { firstByte, headerSize, MAX_HEADER, writeHeader } from './frame.js';
import type { FrameSequence } from './frame-sequence.js';

/** Larger payloads leave as they are: copying them would cost more than a second buffer in the write. */
const COPIED_AT_MOST = 16_384;
/** A string may be this long without its bytes being counted first. */
const SHORT_STRING = COPIED_AT_MOST / 3;
const SLAB = 65_536;

/** What all connections copy their frames into, from left to right. Bytes are never written twice, so a slab lives as long as a write needs it. */
let slab = Buffer.allocUnsafeSlow(SLAB);
let used = 0;

function reserve(size: number): void {
  if (used + size <= SLAB) return;
  slab = Buffer.allocUnsafeSlow(SLAB);
  used = 0;
}

/**
 * Frames of one connection that leave in one write: unmasked and whole (RFC 6455 §5.2). Whoever adds one sees to it that they
 * are flushed before the tick is over.
 */
export class FrameWriter {
  readonly #socket: Duplex;
  /** As long as all frames are shared with other connections. */
  #shared: FrameSequence | undefined;
  /** Closed pieces, in order; the open one comes behind them. */
  #pieces: Uint8Array[] | undefined;
  /** The open piece: a stretch of a slab, which grows while nobody else takes from it. */
  #slab: Buffer | undefined;
  #start = 0;
  #end = 0;
  #pending = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Bytes that wait for the flush. */
  get pending(): number {
    return this.#pending;
  }

  /** Adds a message as one frame. Returns the size of its payload, bytes. */
  add(opcode: Opcode, payload: string | Uint8Array): number {
    this.#takeShared();
    const first = firstByte(opcode);
    return typeof payload === 'string' ? this.#addString(first, payload) : this.#addBytes(first, payload);
  }

  /** Adds a frame that goes to other connections, too. It is not copied where nothing but such frames goes with it. */
  addShared(frame: FrameSequence): void {
    const isFirst = this.#pending === 0;
    if (frame.size > COPIED_AT_MOST || !(isFirst || this.#shared !== undefined)) {
      this.#takeShared();
      return this.#addReady(frame.bytes);
    }
    this.#shared = isFirst ? frame : this.#shared!.followedBy(frame.bytes);
    this.#pending += frame.size;
  }

  /** Something else follows: what is shared becomes as much a piece as the rest. */
  #takeShared(): void {
    if (this.#shared === undefined) return;
    const { bytes } = this.#shared;
    this.#shared = undefined;
    this.#pending = 0;
    this.#addReady(bytes);
  }

  #addReady(bytes: Uint8Array): void {
    if (bytes.length > COPIED_AT_MOST) return this.#refer(bytes);
    const at = this.#open(bytes.length);
    slab.set(bytes, at);
    this.#close(at + bytes.length);
  }

  #refer(bytes: Uint8Array): void {
    this.#closePiece();
    (this.#pieces ??= []).push(bytes);
    this.#pending += bytes.length;
  }

  /** Hands everything to the socket, in one write. `done` is called when it has been taken, or cannot be any more. */
  flush(done?: () => void): void {
    if (this.#pending === 0) return;
    this.#pending = 0;
    if (this.#shared !== undefined) return this.#flushShared(this.#shared, done);
    const pieces = this.#pieces;
    const open = this.#takeOpen();
    this.#pieces = undefined;
    // An idle connection must not keep a slab.
    this.#slab = undefined;
    const socket = this.#socket;
    if (!socket.writable) return;
    // What waits behind other writes may wait for long: a few bytes must not keep a whole slab. Asked once: corked pieces wait, too.
    const waits = socket.writableLength > 0;
    if (pieces === undefined) this.#write(open!, waits, done);
    else this.#writeAll(open === undefined ? pieces : [...pieces, open], waits, done);
  }

  #flushShared({ bytes }: FrameSequence, done?: () => void): void {
    this.#shared = undefined;
    if (this.#socket.writable) this.#socket.write(bytes, done);
  }

  #writeAll(pieces: readonly Uint8Array[], waits: boolean, done?: () => void): void {
    const last = pieces.length - 1;
    this.#socket.cork();
    for (let i = 0; i < last; i++) this.#write(pieces[i]!, waits);
    this.#write(pieces[last]!, waits, done);
    this.#socket.uncork();
  }

  #write(piece: Uint8Array, waits: boolean, done?: () => void): void {
    this.#socket.write(waits && piece.length <= COPIED_AT_MOST ? copyOf(piece) : piece, done);
  }

  #addString(first: number, text: string): number {
    // Counting the bytes of a short string costs more than room that is left over.
    if (text.length > SHORT_STRING) return this.#addBytes(first, Buffer.from(text));
    const size = text.length < 42 ? text.length * 3 : Buffer.byteLength(text);
    const at = this.#open(MAX_HEADER + size);
    const header = headerSize(size);
    const length = slab.write(text, at + header);
    this.#close(at + writeHeader(slab, at, first, length, header) + length);
    return length;
  }

  #addBytes(first: number, bytes: Uint8Array): number {
    const { length } = bytes;
    if (length > COPIED_AT_MOST) return this.#addLarge(first, bytes);
    const at = this.#open(MAX_HEADER + length);
    const payload = at + writeHeader(slab, at, first, length, headerSize(length));
    slab.set(bytes, payload);
    this.#close(payload + length);
    return length;
  }

  #addLarge(first: number, bytes: Uint8Array): number {
    const at = this.#open(MAX_HEADER);
    this.#close(at + writeHeader(slab, at, first, bytes.length, headerSize(bytes.length)));
    this.#refer(bytes);
    return bytes.length;
  }

  /** Room for `size` bytes behind the open piece, or at the start of a new one. */
  #open(size: number): number {
    reserve(size);
    if (this.#slab !== slab || this.#end !== used) {
      this.#closePiece();
      this.#slab = slab;
      this.#start = this.#end = used;
    }
    return used;
  }

  #close(end: number): void {
    this.#pending += end - this.#end;
    this.#end = used = end;
  }

  #closePiece(): void {
    const open = this.#takeOpen();
    if (open !== undefined) (this.#pieces ??= []).push(open);
  }

  #takeOpen(): Buffer | undefined {
    if (this.#end === this.#start) return undefined;
    const open = this.#slab!.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return open;
  }
}

/** In memory of its own: a pool would be kept as a slab is. */
function copyOf(piece: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(piece.length);
  copy.set(piece);
  return copy;
}
