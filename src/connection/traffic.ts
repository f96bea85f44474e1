import type { Traffic, TrafficByOpcode, TrafficCount } from '../telemetry/traffic.js';
import type { Opcode } from '../websock/message.js';

class Count implements TrafficCount {
  messages = 0;
  bytes = 0;
}

class Direction implements TrafficByOpcode {
  readonly text = new Count();
  readonly binary = new Count();
  readonly ping = new Count();
  readonly pong = new Count();

  add(opcode: Opcode, bytes: number): void {
    const count = this.#of(opcode);
    count.messages++;
    count.bytes += bytes;
  }

  /** Not by `this[opcode]`: a key that varies is looked up in a table, for every message. */
  #of(opcode: Opcode): Count {
    switch (opcode) {
      case 'text':
        return this.text;
      case 'binary':
        return this.binary;
      case 'ping':
        return this.ping;
      case 'pong':
        return this.pong;
    }
  }
}

/** Counts what a connection receives and sends. */
export class TrafficCounter implements Traffic {
  readonly received = new Direction();
  readonly sent = new Direction();
}

const NONE: TrafficCount = Object.freeze({ messages: 0, bytes: 0 });
const NOTHING: TrafficByOpcode = Object.freeze({ text: NONE, binary: NONE, ping: NONE, pong: NONE });

/** Of a connection that has received and sent nothing. */
export const NO_TRAFFIC: Traffic = Object.freeze({ received: NOTHING, sent: NOTHING });
