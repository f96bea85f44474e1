import type { ControlMessage, DataMessage } from '../websock/message.js';
import { MAX_INBOUND_BYTES } from '../websock/options.js';
import type { CallbackName } from '../websock/websock.js';
import type { PendingCall } from './call.js';
import { Mailbox } from './mailbox.js';
import type { Outgoing } from './outgoing.js';

/** One waiting message, and which callback it is for. */
export type Envelope =
  | { readonly callback: 'handleIn'; readonly message: DataMessage }
  | { readonly callback: 'handleControl'; readonly message: ControlMessage }
  | { readonly callback: 'handleInfo'; readonly message: unknown; readonly call: PendingCall | undefined };

/** The place of an info message that is fetched only when its turn has come; one may hold several places. */
export interface Turn {
  readonly callback: 'turn';
  /** It came because it was asked for: it does not count towards `maxMailbox`. */
  readonly isPulled: boolean;
  take(): unknown;
}

/** A topic's message for the client, past the handler: it keeps its place among what waits. */
export interface Fastlaned {
  readonly callback: 'fastlane';
  readonly message: Outgoing;
}

/** What stands in the queue. */
export type Waiting = Envelope | Fastlaned | Turn;

/** The options that bound what waits. */
export interface InboxLimits {
  readonly maxInbound: number;
  readonly maxMailbox: number;
}

/** What waits for the handler: client messages and info in one queue by arrival, counted apart. And how much never got there. */
export class Inbox {
  droppedMessages = 0;
  droppedInfo = 0;

  readonly #waiting = new Mailbox<Waiting>();
  readonly #limits: InboxLimits;
  #inbound = 0;
  #inboundBytes = 0;
  #pulled = 0;
  #refused: Set<CallbackName> | undefined;

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get maxMailbox(): number {
    return this.#limits.maxMailbox;
  }

  /** Are the waiting client messages at the mark, or above the given part of it? */
  isFull(part = 1): boolean {
    const { maxInbound } = this.#limits;
    if (maxInbound === Infinity) return false;
    return this.#inbound >= maxInbound * part || this.#inboundBytes >= MAX_INBOUND_BYTES * part;
  }

  /** Is the waiting info at its mark? */
  get isInfoFull(): boolean {
    return this.#waiting.length - this.#inbound - this.#pulled >= this.#limits.maxMailbox;
  }

  push(waiting: Waiting): void {
    this.#count(waiting, 1);
    this.#waiting.push(waiting);
  }

  shift(): Envelope | Fastlaned | undefined {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return undefined;
    this.#count(waiting, -1);
    if (waiting.callback !== 'turn') return waiting;
    return { callback: 'handleInfo', message: waiting.take(), call: undefined };
  }

  /** Gives up all places of one that waits. */
  remove(turn: Turn): void {
    this.#waiting.retain((waiting) => {
      if (waiting === turn) this.#count(turn, -1);
      return waiting !== turn;
    });
  }

  /** The calls among what waits. */
  *calls(): Generator<PendingCall> {
    for (const waiting of this.#waiting) {
      if (waiting.callback === 'handleInfo' && waiting.call !== undefined) yield waiting.call;
    }
  }

  /** Drops a message for a callback that the handler does not have. Is it the first for that one? */
  refuse(envelope: Envelope): boolean {
    if (envelope.callback === 'handleInfo') {
      this.droppedInfo++;
      envelope.call?.noReply();
    } else {
      this.droppedMessages++;
    }
    if (this.#refused?.has(envelope.callback)) return false;
    (this.#refused ??= new Set()).add(envelope.callback);
    return true;
  }

  /** Drops all that waits. */
  drop(): void {
    this.droppedMessages += this.#inbound;
    this.droppedInfo += this.#waiting.length - this.#inbound;
    this.#waiting.clear();
    this.#inbound = 0;
    this.#inboundBytes = 0;
    this.#pulled = 0;
  }

  #count(waiting: Waiting, by: 1 | -1): void {
    if (waiting.callback === 'handleInfo' || waiting.callback === 'fastlane') return;
    if (waiting.callback === 'turn') {
      if (waiting.isPulled) this.#pulled += by;
      return;
    }
    this.#inbound += by;
    this.#inboundBytes += by * waiting.message[1].length;
  }
}
