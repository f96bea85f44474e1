/** Opcodes of data messages (RFC 6455 §5.6). */
export type DataOpcode = 'text' | 'binary';

/** Opcodes of the control frames that a handler sees and may send (RFC 6455 §5.5.2, §5.5.3). */
export type ControlOpcode = 'ping' | 'pong';

/** Opcodes of all frames that a handler sends or receives; close frames come of results, fragments never show. */
export type Opcode = DataOpcode | ControlOpcode;

/**
 * What an outbound message carries: text, bytes, nothing (`null`), or a nested list of these that leaves as
 * one frame (Elixir's iodata). In a text message bytes must be valid UTF-8 across the pieces; the payload of a
 * control message is at most 125 bytes (RFC 6455 §5.5).
 */
export type Payload = string | Uint8Array | null | readonly Payload[];

/** A message as it goes on the wire: one frame with this opcode and payload. */
export type RawMessage = readonly [opcode: Opcode, payload: Payload];

/** An outbound value that the connection's codec encodes (option `codec`, default JSON text). Made by {@link json}. */
export type JsonMessage = readonly [tag: 'json', value: unknown];

/**
 * An outbound message: `[opcode, payload]`, or a value for the codec. An inbound message has the same shape, so
 * `push(message, state)` echoes.
 */
export type Message = RawMessage | JsonMessage;

/** One outbound message or a list of them; the empty list is fine. */
export type Messages = Message | readonly Message[];

/**
 * A whole message from the client: fragments joined, inflated, text already checked as UTF-8
 * (RFC 6455 §5.4, §8.1).
 */
export type DataMessage = TextMessage | BinaryMessage;

/** A text message from the client. */
export type TextMessage = readonly [opcode: 'text', data: string];

/** A binary message from the client. */
export type BinaryMessage = readonly [opcode: 'binary', data: Buffer];

/** A ping or pong from the client. The pong that answers a ping has already been sent. */
export type ControlMessage = readonly [opcode: ControlOpcode, data: Buffer];

/** A text message. */
export function text<P extends Payload>(payload: P): readonly ['text', P] {
  return ['text', payload];
}

/** A binary message. */
export function binary<P extends Payload>(payload: P): readonly ['binary', P] {
  return ['binary', payload];
}

/**
 * A value, encoded by the connection's codec: as JSON text, unless the option `codec` says otherwise. A value that the codec
 * cannot encode is a bad result: a `ResultError`.
 */
export function json<V>(value: V): readonly ['json', V] {
  return ['json', value];
}

/** A ping, payload at most 125 bytes (RFC 6455 §5.5.2). */
export function ping(payload: Payload = null): readonly ['ping', Payload] {
  return ['ping', payload];
}

/** An unsolicited pong, payload at most 125 bytes (RFC 6455 §5.5.3). Pings are answered without it. */
export function pong(payload: Payload = null): readonly ['pong', Payload] {
  return ['pong', payload];
}
