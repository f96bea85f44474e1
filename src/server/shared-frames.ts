import type { SharedFrames } from '../connection/transport.js';
import type { Opcode } from '../websock/message.js';
import { frameOf, isControl } from './frame.js';
import { FrameSequence } from './frame-sequence.js';
import type { SharedDeflate } from './shared-deflate.js';

/** A frame of a message that goes to many. */
export interface SharedFrame {
  readonly sequence: FrameSequence;
  /** Of the message, bytes. */
  readonly size: number;
}

/** Under which the frame is kept that nobody compressed. */
const PLAIN = Symbol('plain');

/** The message as an uncompressed frame, made for the first connection that it goes to. */
export function plainFrame(shared: SharedFrames, opcode: Opcode, payload: string | Uint8Array): SharedFrame {
  let frame = shared.get(PLAIN) as SharedFrame | undefined;
  if (frame === undefined) shared.set(PLAIN, (frame = share(opcode, bytesOf(payload))));
  return frame;
}

/** Instead of a frame: ws has sent the message to a first connection. */
const SEEN = Symbol('seen');

/**
 * The message as a frame for connections where `deflate` stands for what ws does: compressed, if it is to be. Undefined if ws must
 * send it. The first connection has a long message from ws: what goes no further is better compressed on another thread.
 */
export function frameBesideWs(
  shared: SharedFrames,
  deflate: SharedDeflate,
  opcode: Opcode,
  payload: string | Uint8Array,
): SharedFrame | undefined {
  const known = shared.get(deflate);
  if (known !== undefined && known !== SEEN) return known as SharedFrame;
  let frame: SharedFrame | undefined;
  if (isControl(opcode) || deflate.skips(payload)) frame = plainFrame(shared, opcode, payload);
  else if (known === SEEN || deflate.isQuick(payload)) frame = deflatedFrame(deflate, opcode, payload);
  shared.set(deflate, frame ?? SEEN);
  return frame;
}

/** A connection has the message from ws, behind others: whoever comes next is not the first. */
export function seenByWs(shared: SharedFrames, deflate: SharedDeflate): void {
  if (!shared.has(deflate)) shared.set(deflate, SEEN);
}

function deflatedFrame(
  deflate: SharedDeflate,
  opcode: Opcode,
  payload: string | Uint8Array,
): SharedFrame | undefined {
  const compressed = deflate.compress(payload);
  return compressed && share(opcode, compressed, Buffer.byteLength(payload));
}

function share(opcode: Opcode, payload: Uint8Array, deflatedFrom?: number): SharedFrame {
  const frame = frameOf(opcode, payload, deflatedFrom !== undefined);
  return { sequence: new FrameSequence(frame), size: deflatedFrom ?? payload.length };
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
