import type { Transport, TransportListener } from '../../src/connection/transport.js';
import type { Opcode } from '../../src/websock/message.js';

/** Counts what all transports of one side are given. */
export class Meter {
  sent = 0;
  bytes = 0;
  /** The payload sent last. */
  last: string | Uint8Array | undefined;
  #target = 0;
  #reached: (() => void) | undefined;
  #missing: ((error: Error) => void) | undefined;

  count(payload: string | Uint8Array): void {
    this.bytes += payload.length;
    this.last = payload;
    if (++this.sent === this.#target) this.#reached?.();
  }

  /** Resolves when so many have been sent in all. */
  reach(target: number): Promise<void> {
    if (this.sent >= target) return Promise.resolve();
    this.#target = target;
    return new Promise((resolve, reject) => {
      this.#reached = resolve;
      this.#missing = reject;
    });
  }

  /** What is waited for does not come. */
  giveUp(): void {
    this.#missing?.(new Error(`sent ${this.sent} messages, and not ${this.#target}`));
  }
}

const NOBODY = { sent(): void {} };

/** A socket that takes everything and does nothing. */
export class NullTransport implements Transport {
  readonly bufferedAmount = 0;
  readonly bytesReceived = 0;
  readonly bytesAccepted = 0;
  readonly #meter: Meter;
  readonly #listener: Pick<TransportListener, 'sent'>;

  /** The bare side has nobody to tell. */
  constructor(meter: Meter, listener: Pick<TransportListener, 'sent'> = NOBODY) {
    this.#meter = meter;
    this.#listener = listener;
  }

  send(opcode: Opcode, payload: string | Uint8Array): boolean {
    this.#meter.count(payload);
    // A server that frames the payload knows its size.
    this.#listener.sent(opcode, payload.length);
    return true;
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}
}
