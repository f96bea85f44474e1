import { isUtf8 } from 'node:buffer';

/** How deep arrays and maps may lie in each other. Deeper ones could overflow the stack of whoever walks them. */
export const MAX_DEPTH = 1_000;

/**
 * How many arrays, maps, bins and timestamps a message may hold. An empty map is a byte on the wire and 64 in memory, an empty bin 2
 * and 100: without a limit 10 MB of them would take 600.
 */
const MAX_OBJECTS = 1_000_000;

const TIMESTAMP = 0xff;

/** Of a `Date`, before and after 1970. */
const MAX_SECONDS = 8.64e12;

const MAX_NANOSECONDS = 999_999_999;

/** Up to so many bytes a loop is faster than a call of Node's. */
const SHORT = 24;

/**
 * Checks that bytes are one value of standard MessagePack, before anything is made of them: all of it is there and nothing
 * after it, text is UTF-8, and of the extensions there is only the timestamp, with a time that a `Date` can hold.
 *
 * @throws SyntaxError
 */
export function checkMessagePack(bytes: Uint8Array): void {
  const reader = new TokenReader(bytes);
  /** How many values are still to come in the arrays and maps that are open, the innermost last. */
  const open = [1];
  while (open.length > 0) {
    const innermost = open.length - 1;
    if (open[innermost] === 0) {
      open.pop();
      continue;
    }
    open[innermost]!--;
    const values = reader.readToken();
    if (values === 0) continue;
    if (open.length > MAX_DEPTH) throw new SyntaxError(`MessagePack deeper than ${MAX_DEPTH} levels`);
    open.push(values);
  }
  if (!reader.isAtEnd) throw invalid();
}

/** Reads headers and skips what needs no look. */
class TokenReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;
  #objects = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  /** Reads one token with its payload; says how many values it holds. */
  readToken(): number {
    const token = this.#uint(1);
    if (token < 0x80 || token >= 0xe0) return 0; // fixint
    if (token < 0x90) return this.#object(2 * (token & 0x0f)); // fixmap
    if (token < 0xa0) return this.#object(token & 0x0f); // fixarray
    if (token < 0xc0) return this.#skipText(token & 0x1f); // fixstr
    switch (token) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return 0;
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return this.#object(this.#skip(this.#uint(1 << (token - 0xc4))));
      case 0xc7: // ext 8
        return this.#object(this.#readTimestamp(this.#uint(1) === 12 ? 12 : undefined));
      case 0xca: // float 32
        return this.#skip(4);
      case 0xcb: // float 64
        return this.#skip(8);
      case 0xcc: // uint 8, 16, 32, 64
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#skip(1 << (token - 0xcc));
      case 0xd0: // int 8, 16, 32, 64
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.#skip(1 << (token - 0xd0));
      case 0xd6: // fixext 4
        return this.#object(this.#readTimestamp(4));
      case 0xd7: // fixext 8
        return this.#object(this.#readTimestamp(8));
      case 0xd9: // str 8, 16, 32
      case 0xda:
      case 0xdb:
        return this.#skipText(this.#uint(1 << (token - 0xd9)));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#object(this.#uint(token === 0xdc ? 2 : 4));
      case 0xde: // map 16, 32
      case 0xdf:
        return this.#object(2 * this.#uint(token === 0xde ? 2 : 4));
      default: // never used, or an extension
        throw invalid();
    }
  }

  /** Counts one that holds so many values. */
  #object(values: number): number {
    if (++this.#objects > MAX_OBJECTS)
      throw new SyntaxError(`MessagePack with more than ${MAX_OBJECTS} objects`);
    return values;
  }

  #uint(size: number): number {
    const position = this.#position;
    this.#skip(size);
    if (size === 1) return this.#view.getUint8(position);
    return size === 2 ? this.#view.getUint16(position) : this.#view.getUint32(position);
  }

  #readTimestamp(size: 4 | 8 | 12 | undefined): 0 {
    if (size === undefined || this.#uint(1) !== TIMESTAMP) throw invalid();
    const position = this.#position;
    this.#skip(size);
    if (size === 4) return 0; // 32 bits of seconds
    // Of 8 bytes the first 30 bits are nanoseconds, and any seconds will do; of 12 the first 32, then come 64 bits of seconds.
    const word = this.#view.getUint32(position);
    const nanoseconds = size === 8 ? word >>> 2 : word;
    const seconds = size === 8 ? 0 : Number(this.#view.getBigInt64(position + 4));
    if (nanoseconds > MAX_NANOSECONDS || Math.abs(seconds) > MAX_SECONDS) throw invalid();
    if (seconds === MAX_SECONDS && nanoseconds > 0) throw invalid();
    return 0;
  }

  #skipText(size: number): 0 {
    const start = this.#position;
    this.#skip(size);
    if (size <= SHORT && this.#isAscii(start)) return 0;
    if (!isUtf8(this.#bytes.subarray(start, this.#position))) throw invalid();
    return 0;
  }

  /** Says it of the bytes from there to where it is now. */
  #isAscii(start: number): boolean {
    for (let i = start; i < this.#position; i++) if (this.#bytes[i]! > 0x7f) return false;
    return true;
  }

  #skip(size: number): 0 {
    this.#position += size;
    if (this.#position > this.#bytes.length) throw invalid();
    return 0;
  }
}

function invalid(): SyntaxError {
  return new SyntaxError('not valid MessagePack');
}
