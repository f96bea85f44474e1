import type { Duplex } from 'node:stream';
import type { Opcode } from '../websock/message.js';

/** RFC 6455 §5.2. */
const OPCODES: Readonly<Record<Opcode, number>> = { text: 0x1, binary: 0x2, ping: 0x9, pong: 0xa };
const FIN = 0x80;

/** Larger payloads leave as they are: copying them would cost more than a second buffer in the write. */
const COPIED_AT_MOST = 16_384;
/** A string may be this long without its bytes being counted first. */
const SHORT_STRING = COPIED_AT_MOST / 3;
const MAX_HEADER = 10;
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
 * Frames of one connection that leave in one write: unmasked, whole, uncompressed (RFC 6455 §5.2). Whoever adds one sees to it
 * that they are flushed before the tick is over.
 */
export class FrameWriter {
  readonly #socket: Duplex;
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
    const first = FIN | OPCODES[opcode];
    return typeof payload === 'string' ? this.#addString(first, payload) : this.#addBytes(first, payload);
  }

  /** Adds a frame that is ready. Alone in its write it is not copied. */
  addFrame(frame: Uint8Array): void {
    if (this.#pending > 0 && frame.length <= COPIED_AT_MOST) this.#copy(frame);
    else this.#refer(frame);
  }

  #copy(frame: Uint8Array): void {
    const at = this.#open(frame.length);
    slab.set(frame, at);
    this.#close(at + frame.length);
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

/** A message as one frame of its own, for many connections. */
export function frameOf(opcode: Opcode, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const size = headerSize(bytes.length);
  const frame = Buffer.allocUnsafeSlow(size + bytes.length);
  writeHeader(frame, 0, FIN | OPCODES[opcode], bytes.length, size);
  frame.set(bytes, size);
  return frame;
}

/** The size of a frame's payload. */
export function payloadSize(frame: Uint8Array): number {
  const short = frame[1]!;
  return frame.length - (short < 126 ? 2 : short === 126 ? 4 : 10);
}

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes a header of `size` bytes (2, 4 or 10); returns the size. */
function writeHeader(target: Buffer, at: number, first: number, length: number, size: number): number {
  target[at] = first;
  if (size === 2) {
    target[at + 1] = length;
  } else if (size === 4) {
    target[at + 1] = 126;
    target[at + 2] = length >> 8;
    target[at + 3] = length;
  } else {
    target[at + 1] = 127;
    target.writeUIntBE(0, at + 2, 2);
    target.writeUIntBE(length, at + 4, 6);
  }
  return size;
}
