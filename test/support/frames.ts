/** Opcodes on the wire (RFC 6455 §5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type Bytes = string | Uint8Array;

/** A frame to be written, right or wrong on purpose. */
export interface FrameSpec {
  /** Default true. */
  fin?: boolean;
  /** The three reserved bits as a number; 4 is RSV1, compressed (RFC 7692 §6). Default 0. */
  rsv?: number;
  opcode: number;
  payload?: Bytes;
  /** Default true: clients mask. */
  mask?: boolean;
  /** The payload length that the header claims, where it should lie. */
  claimedLength?: number;
  /** Bytes behind the 7-bit length, where they should not be the fewest that do. */
  lengthBytes?: 0 | 2 | 8;
  /** Default 01 02 03 04. */
  maskKey?: Uint8Array;
}

/** A frame as it was read, unmasked. */
export interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

const MASK_KEY = Buffer.from([1, 2, 3, 4]);

export function encodeFrame({
  fin = true,
  rsv = 0,
  opcode,
  payload = '',
  mask = true,
  claimedLength,
  lengthBytes,
  maskKey = MASK_KEY,
}: FrameSpec): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  const length = claimedLength ?? bytes.length;
  const header = encodeHeader(
    (fin ? 0x80 : 0) | (rsv << 4) | opcode,
    mask ? 0x80 : 0,
    length,
    lengthBytes ?? fewestLengthBytes(length),
  );
  if (!mask) return Buffer.concat([header, bytes]);
  return Buffer.concat([header, maskKey, applyMask(bytes, maskKey)]);
}

function fewestLengthBytes(length: number): 0 | 2 | 8 {
  if (length < 126) return 0;
  return length < 65_536 ? 2 : 8;
}

function encodeHeader(first: number, maskBit: number, length: number, lengthBytes: 0 | 2 | 8): Buffer {
  if (lengthBytes === 0) return Buffer.from([first, maskBit | length]);
  if (lengthBytes === 2) return Buffer.from([first, maskBit | 126, length >> 8, length & 255]);
  const header = Buffer.from([first, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

/** The first frame in the bytes and what is behind it, or `undefined` while it is not whole. */
export function decodeFrame(bytes: Buffer): { frame: Frame; rest: Buffer } | undefined {
  const lengths = decodeLength(bytes);
  if (lengths === undefined) return undefined;
  const [first, second] = [bytes[0]!, bytes[1]!];
  const masked = second >= 0x80;
  const start = lengths.header + (masked ? 4 : 0);
  const end = start + lengths.payload;
  if (bytes.length < end) return undefined;
  const raw = bytes.subarray(start, end);
  const payload = masked ? applyMask(raw, bytes.subarray(start - 4, start)) : raw;
  const frame = { fin: first >= 0x80, rsv: (first >> 4) & 7, opcode: first & 15, masked, payload };
  return { frame, rest: bytes.subarray(end) };
}

/** How many bytes the first frame takes, once that can be told. */
export function frameSize(bytes: Buffer): number | undefined {
  const lengths = decodeLength(bytes);
  return lengths && lengths.header + (bytes[1]! >= 0x80 ? 4 : 0) + lengths.payload;
}

function decodeLength(bytes: Buffer): { header: number; payload: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  if (short < 126) return { header: 2, payload: short };
  const header = short === 126 ? 4 : 10;
  if (bytes.length < header) return undefined;
  return { header, payload: short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)) };
}

function applyMask(bytes: Buffer, key: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ key[i & 3]!));
}

/** The payload of a close frame; without a code, empty (RFC 6455 §5.5.1). */
export function closePayload(code?: number, reason: Bytes = ''): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as Uint8Array)]);
}

/** What a close frame says; `code` undefined where it says nothing. */
export function readClose({ payload }: Frame): { code: number | undefined; reason: Buffer } {
  return { code: payload.length < 2 ? undefined : payload.readUInt16BE(0), reason: payload.subarray(2) };
}
