import { createHash } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';

/** Bytes in machine form (README.md). */
export type PayloadSpec =
  | string
  | null
  | { hex: string }
  | { repeat: [text: string, times: number] }
  | { concat: PayloadSpec[] }
  | { slice: [payload: PayloadSpec, from: number, to: number] }
  | { deflate: PayloadSpec; windowBits?: number };

/** How bytes are shown in outcomes and traces: as text where they are text, and not at length. */
export type Shown = string | { hex: string } | { len: number; sha1: string };

const SHOWN_AT_MOST = 256;

export function bytesOf(spec: PayloadSpec | undefined): Buffer {
  if (spec === undefined || spec === null) return Buffer.alloc(0);
  if (typeof spec === 'string') return Buffer.from(spec);
  if ('hex' in spec) return Buffer.from(spec.hex.replace(/\s/g, ''), 'hex');
  if ('repeat' in spec) return Buffer.from(spec.repeat[0].repeat(spec.repeat[1]));
  if ('concat' in spec) return Buffer.concat(spec.concat.map(bytesOf));
  if ('slice' in spec) return bytesOf(spec.slice[0]).subarray(spec.slice[1], spec.slice[2]);
  if ('deflate' in spec) return deflate(bytesOf(spec.deflate), spec.windowBits);
  throw new Error(`not a payload: ${JSON.stringify(spec)}`);
}

/** As a compressed message carries it: flushed, the empty block at the end taken off (RFC 7692 §7.2.1). */
function deflate(bytes: Buffer, windowBits = 15): Buffer {
  return deflateRawSync(bytes, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

export function show(bytes: Uint8Array): Shown {
  if (bytes.length > SHOWN_AT_MOST)
    return { len: bytes.length, sha1: createHash('sha1').update(bytes).digest('hex') };
  const buffer = Buffer.from(bytes);
  const text = buffer.toString();
  return Buffer.from(text).equals(buffer) ? text : { hex: buffer.toString('hex') };
}
