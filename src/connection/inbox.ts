import type { ControlMessage, DataMessage } from '../websock/message.js';
import { MAX_INBOUND_BYTES } from '../websock/options.js';
import type { PendingCall } from './call.js';
import { Mailbox } from './mailbox.js';

/** One waiting message, and which callback it is for. */
export type Envelope =
  | { readonly callback: 'handleIn'; readonly message: DataMessage }
  | { readonly callback: 'handleControl'; readonly message: ControlMessage }
  | { readonly callback: 'handleInfo'; readonly message: unknown; readonly call: PendingCall | undefined };

type InboundEnvelope = Exclude<Envelope, { callback: 'handleInfo' }>;

/** What waits for the handler: client messages and info in one queue by arrival, counted apart. */
export class Inbox {
  readonly #waiting = new Mailbox<Envelope>();
  readonly #maxInbound: number;
  #inbound = 0;
  #inboundBytes = 0;

  constructor(maxInbound: number) {
    this.#maxInbound = maxInbound;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Info messages waiting. */
  get info(): number {
    return this.#waiting.length - this.#inbound;
  }

  /** Client messages waiting. */
  get inbound(): number {
    return this.#inbound;
  }

  /** Are the waiting client messages at the mark, or above the given part of it? */
  isFull(part = 1): boolean {
    if (this.#maxInbound === Infinity) return false;
    return this.#inbound >= this.#maxInbound * part || this.#inboundBytes >= MAX_INBOUND_BYTES * part;
  }

  push(envelope: Envelope): void {
    if (envelope.callback !== 'handleInfo') {
      this.#inbound++;
      this.#inboundBytes += envelope.message[1].length;
    }
    this.#waiting.push(envelope);
  }

  shift(): Envelope | undefined {
    const envelope = this.#waiting.shift();
    if (envelope !== undefined && envelope.callback !== 'handleInfo') this.#forget(envelope);
    return envelope;
  }

  /** The calls among what waits. */
  *calls(): Generator<PendingCall> {
    for (const envelope of this.#waiting) {
      if (envelope.callback === 'handleInfo' && envelope.call !== undefined) yield envelope.call;
    }
  }

  clear(): void {
    this.#waiting.clear();
    this.#inbound = 0;
    this.#inboundBytes = 0;
  }

  #forget(envelope: InboundEnvelope): void {
    this.#inbound--;
    this.#inboundBytes -= envelope.message[1].length;
  }
}
