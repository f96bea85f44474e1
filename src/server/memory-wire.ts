import { isUtf8 } from 'node:buffer';
import { MAX_CLOSE_REASON_BYTES } from '../websock/close.js';
import { ProtocolError } from '../websock/errors.js';
import type { ControlMessage, DataMessage, Opcode, Payload } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';

const MAX_CONTROL_BYTES = 125;

/** The options that a server which speaks the wire enforces before the connection sees a message. */
export type WireLimits = Pick<ResolvedOptions, 'maxFrameSize' | 'maxMessageSize' | 'validateUtf8'>;

/** A payload as the wire carries it. */
export function bytesOf(payload: Payload): Buffer {
  if (payload === null) return Buffer.alloc(0);
  if (typeof payload === 'string') return Buffer.from(payload);
  if (payload instanceof Uint8Array) return Buffer.from(payload);
  return Buffer.concat(payload.map(bytesOf));
}

/** What reaches the connection of a message that its client sends as one frame, the violation if it is one. */
export function received(
  opcode: Opcode,
  bytes: Buffer,
  limits: WireLimits,
): DataMessage | ControlMessage | ProtocolError {
  if (opcode === 'ping' || opcode === 'pong')
    return bytes.length > MAX_CONTROL_BYTES
      ? new ProtocolError(1002, `a ${opcode} of ${bytes.length} bytes`)
      : [opcode, bytes];
  const limit = Math.min(limits.maxFrameSize, limits.maxMessageSize);
  if (bytes.length > limit)
    return new ProtocolError(1009, `a message of ${bytes.length} bytes, more than ${limit}`);
  if (opcode === 'binary') return [opcode, bytes];
  if (limits.validateUtf8 && !isUtf8(bytes))
    return new ProtocolError(1007, 'a text message is not valid UTF-8');
  return [opcode, bytes.toString()];
}

export function isControl(message: DataMessage | ControlMessage): message is ControlMessage {
  return message[0] === 'ping' || message[0] === 'pong';
}

/** What is wrong with the reason in a client's close frame, if anything is. */
export function reasonFault(reason: Buffer, { validateUtf8 }: WireLimits): ProtocolError | undefined {
  if (reason.length > MAX_CLOSE_REASON_BYTES)
    return new ProtocolError(1002, `a close reason of ${reason.length} bytes`);
  if (validateUtf8 && !isUtf8(reason)) return new ProtocolError(1007, 'a close reason is not valid UTF-8');
  return undefined;
}

/** The bytes of a frame: header, mask if the client sends it, payload (RFC 6455 §5.2). */
export function frameSize(payloadSize: number, masked: boolean): number {
  const length = payloadSize < 126 ? 0 : payloadSize < 65_536 ? 2 : 8;
  return 2 + length + (masked ? 4 : 0) + payloadSize;
}
