/** How many bytes a whole number takes, 7 bits in each (up to 2⁵³). */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let size = 2;
  for (let rest = Math.floor(value / 0x4000); rest > 0; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes it, the lowest bits first; returns where it ends. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    // No `&`: it has 32 bits.
    bytes[position++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}

/** Reads what was written, front to back. All of it throws a RangeError past the end. */
export class ByteReader {
  position: number;
  /** Something was read past the end, or was no number: what follows means nothing. */
  isBroken = false;
  readonly bytes: Buffer;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.position = position;
  }

  get isAtEnd(): boolean {
    return this.position === this.bytes.length;
  }

  byte(): number {
    const position = this.skip(1);
    return this.bytes[position]!;
  }

  varint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value -= 0x80;
    for (let factor = 0x80; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      // Also one of zeros without end: its factor would be Infinity, and the number none.
      if (value > Number.MAX_SAFE_INTEGER || factor > Number.MAX_SAFE_INTEGER) {
        this.isBroken = true;
        throw new RangeError('a number is too large');
      }
      if (byte < 0x80) return value;
    }
  }

  /** With its length in front. */
  text(): string {
    const length = this.varint();
    const start = this.skip(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** All that is left. */
  rest(): Buffer {
    return this.bytes.subarray(this.skip(this.bytes.length - this.position));
  }

  /** Where it was. */
  skip(length: number): number {
    const position = this.position;
    if (length > this.bytes.length - position) {
      this.isBroken = true;
      throw new RangeError('bytes are missing');
    }
    this.position = position + length;
    return position;
  }
}

/** Bytes in pieces, put together at the end. */
export class ByteWriter {
  readonly #pieces: Uint8Array[] = [];

  byte(value: number): this {
    this.#pieces.push(Uint8Array.of(value));
    return this;
  }

  varint(value: number): this {
    const piece = new Uint8Array(varintSize(value));
    writeVarint(piece, 0, value);
    return this.bytes(piece);
  }

  /** With its length in front. */
  text(value: string): this {
    const text = Buffer.from(value);
    return this.varint(text.length).bytes(text);
  }

  bytes(value: Uint8Array): this {
    this.#pieces.push(value);
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
