import { isUtf8 } from 'node:buffer';
import { unmask } from './unmask.js';

/** What is read, and who reads the rest. */
export interface FrameTarget {
  /** One whole text message, checked. */
  receiveText(text: string, bytes: number): void;
  /** One whole binary message. */
  receiveBinary(data: Buffer): void;
  /** Bytes of anything else, in order: whole frames, or what no frame can begin with. */
  passOn(bytes: Buffer): void;
  /** Nothing more may be read: a close frame came, or a violation. Asked after `passOn`. */
  readonly isOver: boolean;
}

export interface ReaderLimits {
  /** Larger payloads are passed on. */
  readonly maxPayload: number;
  readonly validateUtf8: boolean;
}

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const CONTROL = 0x08;
const TEXT = 0x1;
const WHOLE_TEXT = FIN | TEXT;
const WHOLE_BINARY = FIN | 0x2;
/** A masking key, RFC 6455 §5.3. */
const KEY_SIZE = 4;

/** A message cut in two by a read is put together here up to this size. */
const ASSEMBLED_AT_MOST = 131_072;
/** A header alone must not make us allocate more than this. */
const ASSEMBLED_UNSEEN = 4_096;

/** The header of the frame that begins at `at`; filled again for each. */
const header = { first: 0, size: 0, length: 0 };

/** A whole message of which a part has been read. */
interface Assembly {
  readonly payload: Buffer;
  readonly head: Buffer;
  filled: number;
}

/**
 * Reads whole, unfragmented, uncompressed data frames (RFC 6455 §5.2), most of what clients send, straight from the chunks. It
 * knows nothing of anything else: every other frame is passed on as it is, in order, and what is no frame as well.
 */
export class FrameReader {
  readonly #target: FrameTarget;
  readonly #limits: ReaderLimits;
  /** The beginning of a frame, less than its header. */
  #held: Buffer | undefined;
  #assembly: Assembly | undefined;
  /** Bytes that belong to a frame which is passed on. */
  #passing = 0;
  #isFragmented = false;
  #isOver = false;

  constructor(target: FrameTarget, limits: ReaderLimits) {
    this.#target = target;
    this.#limits = limits;
  }

  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#held !== undefined) {
      bytes = Buffer.concat([this.#held, chunk]);
      this.#held = undefined;
    }
    let at = 0;
    while (at < bytes.length && !this.#isOver) at = this.#readFrom(bytes, at);
  }

  /** Returns where it has come to. */
  #readFrom(bytes: Buffer, at: number): number {
    if (this.#passing > 0) return this.#pass(bytes, at);
    if (this.#assembly !== undefined) return this.#assemble(this.#assembly, bytes, at);
    switch (readHeader(bytes, at, this.#isFragmented, this.#limits.maxPayload)) {
      case 'incomplete':
        this.#held = Buffer.from(bytes.subarray(at));
        return bytes.length;
      case 'illegal':
        // ws refuses it; should it not, it has to read all that follows.
        this.#passing = Infinity;
        return this.#pass(bytes, at);
      case 'other':
        this.#passing = header.size + header.length;
        if ((header.first & CONTROL) === 0) this.#isFragmented = (header.first & FIN) === 0;
        return this.#pass(bytes, at);
      case 'message':
        return this.#readMessage(bytes, at);
    }
  }

  #readMessage(bytes: Buffer, at: number): number {
    const { first, size, length } = header;
    const start = at + size;
    const end = start + length;
    if (end <= bytes.length) {
      unmask(bytes, start, end, bytes, start - KEY_SIZE, 0);
      this.#deliver(first, bytes, at, start, end);
      return end;
    }
    if (!isWorthIt(length, bytes.length - start)) {
      this.#passing = size + length;
      return this.#pass(bytes, at);
    }
    this.#assembly = {
      head: Buffer.from(bytes.subarray(at, start)),
      payload: Buffer.allocUnsafeSlow(length),
      filled: 0,
    };
    return this.#assemble(this.#assembly, bytes, start);
  }

  #assemble(assembly: Assembly, bytes: Buffer, at: number): number {
    const { head, payload, filled } = assembly;
    const count = Math.min(payload.length - filled, bytes.length - at);
    bytes.copy(payload, filled, at, at + count);
    unmask(payload, filled, filled + count, head, head.length - KEY_SIZE, filled);
    assembly.filled += count;
    if (assembly.filled === payload.length) {
      this.#assembly = undefined;
      this.#deliverAssembled(assembly);
    }
    return at + count;
  }

  #deliver(first: number, bytes: Buffer, at: number, start: number, end: number): void {
    const payload = bytes.subarray(start, end);
    if (first === WHOLE_BINARY) return this.#target.receiveBinary(payload);
    if (!this.#limits.validateUtf8 || isUtf8(payload))
      return this.#target.receiveText(payload.toString(), payload.length);
    // As it came: whoever reads the rest finds the fault, and says so.
    unmask(bytes, start, end, bytes, start - KEY_SIZE, 0);
    this.#passOn(bytes.subarray(at, end));
  }

  #deliverAssembled({ head, payload }: Assembly): void {
    if (head[0] === WHOLE_BINARY) return this.#target.receiveBinary(payload);
    if (!this.#limits.validateUtf8 || isUtf8(payload))
      return this.#target.receiveText(payload.toString(), payload.length);
    unmask(payload, 0, payload.length, head, head.length - KEY_SIZE, 0);
    this.#passOn(Buffer.concat([head, payload]));
  }

  #pass(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#passing, bytes.length);
    this.#passing -= end - at;
    this.#passOn(bytes.subarray(at, end));
    return end;
  }

  #passOn(bytes: Buffer): void {
    this.#target.passOn(bytes);
    if (this.#target.isOver) this.#isOver = true;
  }
}

/** Put together a message of `length` bytes, of which so many have come? A good part of a long one must be there. */
function isWorthIt(length: number, come: number): boolean {
  return length <= ASSEMBLED_UNSEEN || (length <= ASSEMBLED_AT_MOST && come * 16 >= length);
}

type Kind = 'message' | 'other' | 'incomplete' | 'illegal';

/** Fills `header`. The first two bytes decide whether it is legal at all: what is not must not wait for more. */
function readHeader(bytes: Buffer, at: number, isFragmented: boolean, maxPayload: number): Kind {
  const available = bytes.length - at;
  if (available < 2) return 'incomplete';
  const first = bytes[at]!;
  const second = bytes[at + 1]!;
  const short = second & 0x7f;
  if (second < MASKED || !isLegal(first, short, isFragmented)) return 'illegal';
  header.first = first;
  header.size = short < 126 ? 6 : short === 126 ? 8 : 14;
  if (available < header.size) return 'incomplete';
  header.length = short;
  if (short === 126) header.length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  else if (short === 127) header.length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
  // A control frame is never too long (RFC 6455 §5.5).
  if (header.length > maxPayload && (first & CONTROL) === 0) return 'illegal';
  return first === WHOLE_BINARY || first === WHOLE_TEXT ? 'message' : 'other';
}

/** RFC 6455 §5.2, §5.4, §5.5; RSV bits belong to extensions, and there are none. */
function isLegal(first: number, length: number, isFragmented: boolean): boolean {
  if ((first & RESERVED) !== 0) return false;
  const opcode = first & 0x0f;
  if (opcode >= CONTROL) return opcode <= 0xa && first >= FIN && length < 126;
  return isFragmented ? opcode === 0 : opcode === 0x1 || opcode === 0x2;
}
