import type { Opcode } from '../websock/message.js';

/** Messages of one opcode in one direction. */
export interface TrafficCount {
  /** Whole messages. */
  readonly messages: number;
  /** Bytes of payload, before compression; of text, its UTF-8. */
  readonly bytes: number;
}

/** One direction, by opcode. */
export type TrafficByOpcode = Readonly<Record<Opcode, TrafficCount>>;

/**
 * What one connection has received and sent so far. Whole messages, not frames; our answers to pings and our heartbeat are
 * among what was sent, close frames are not counted.
 */
export interface Traffic {
  /** From the client. */
  readonly received: TrafficByOpcode;
  /** To the client. */
  readonly sent: TrafficByOpcode;
}
