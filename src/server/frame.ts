import type { Opcode } from '../websock/message.js';

const OPCODES: Readonly<Record<Opcode, number>> = { text: 0x1, binary: 0x2, ping: 0x9, pong: 0xa };
const FIN = 0x80;
/** Set by permessage-deflate, RFC 7692 §6. */
const RSV1 = 0x40;

/** Of a frame of the server's, bytes: it has no mask. */
export const MAX_HEADER = 10;

/** RFC 6455 §5.5: never compressed, and short. */
export function isControl(opcode: Opcode): boolean {
  return opcode === 'ping' || opcode === 'pong';
}

/** Of a whole message (RFC 6455 §5.2). */
export function firstByte(opcode: Opcode, isCompressed = false): number {
  return isCompressed ? FIN | RSV1 | OPCODES[opcode] : FIN | OPCODES[opcode];
}

/** A message as one frame of its own, for many connections. */
export function frameOf(opcode: Opcode, payload: Uint8Array, isCompressed = false): Uint8Array {
  const { length } = payload;
  const size = headerSize(length);
  const frame = Buffer.allocUnsafeSlow(size + length);
  writeHeader(frame, 0, firstByte(opcode, isCompressed), length, size);
  frame.set(payload, size);
  return frame;
}

/** Of a frame of the server's, for so many bytes of payload. */
export function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes a header of `size` bytes (2, 4 or 10); returns the size. */
export function writeHeader(target: Buffer, at: number, first: number, length: number, size: number): number {
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
