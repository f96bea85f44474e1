import type { DataMessage } from './message.js';

/** What a codec makes of a value: one data message. */
export type EncodedMessage =
  | readonly [opcode: 'text', payload: string]
  | readonly [opcode: 'binary', payload: Uint8Array];

/**
 * Turns values into data messages and back: `decode` before schemas see a message, `encode` for what is pushed as
 * `json(value)`.
 */
export interface Codec {
  /** The value in a message from the client. Throws, anything, for a message that holds none: a client's fault. */
  decode(message: DataMessage): unknown;
  /** The message that carries a value. Throws, anything, for a value that it cannot carry: a fault of the handler. */
  encode(value: unknown): EncodedMessage;
}

/** JSON in text messages (RFC 8259); the default. A binary message holds no JSON. */
export const jsonCodec: Codec = {
  decode([opcode, data]) {
    if (opcode === 'binary') throw new TypeError('expected JSON text, got a binary message');
    return JSON.parse(data) as unknown;
  },
  encode(value) {
    const payload = JSON.stringify(value) as string | undefined;
    if (payload === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return ['text', payload];
  },
};
