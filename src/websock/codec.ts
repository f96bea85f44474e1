import type { DataMessage } from './message.js';

/** What a codec makes of a value: one data message. */
export type EncodedMessage =
  readonly [opcode: 'text', payload: string] | readonly [opcode: 'binary', payload: Uint8Array];

/**
 * Turns values into data messages and back: `decode` before schemas see a message, `encode` for what is pushed as
 * `json(value)`.
 */
export interface Codec {
  /**
   * The value in a message from the client. Throws for a message that holds none: a client's fault, and the client is told the
   * error's message; keep the payload out of it.
   */
  decode(message: DataMessage): unknown;
  /** The message that carries a value. Throws, anything, for a value that it cannot carry: a fault of the handler. */
  encode(value: unknown): EncodedMessage;
}

/** JSON in text messages (RFC 8259); the default. A binary message holds no JSON. */
export const jsonCodec: Codec = {
  decode([opcode, data]) {
    if (opcode === 'binary') throw new TypeError('expected JSON text, got a binary message');
    try {
      return JSON.parse(data) as unknown;
    } catch {
      // Not V8's own words: they quote the payload.
      throw new SyntaxError('not valid JSON');
    }
  },
  encode(value) {
    const payload = JSON.stringify(value) as string | undefined;
    if (payload === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return ['text', payload];
  },
};
