import type { RawMessage } from '../websock/message.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { eachTime, Fault, type Outgoing } from '../connection/outgoing.js';
import { jsonCodec } from '../websock/codec.js';

/** Called when a message has been handed over, or will never be. */
export type SendCallback = (error?: Error) => void;

const TOO_MUCH = 'Too much waits for a client that does not read (options maxMailbox, maxBufferedAmount)';

interface Waiting {
  readonly message: Outgoing;
  readonly done: SendCallback | undefined;
}

/** Bytes that may wait here, as a multiple of `maxBufferedAmount`: a library that sends on regardless sends large messages too. */
const MAX_BACKLOG = 16;

/** What a hosted socket sends, in order; it waits here while the client has to drain. */
export class Outbox {
  readonly #connection: LiveConnection;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** To be called when all that waits has been handed over. */
  #onEmpty: (() => void) | undefined;

  constructor(connection: LiveConnection) {
    this.#connection = connection;
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws TypeError for a message that cannot be sent */
  send(given: RawMessage, done: SendCallback | undefined): void {
    const connection = this.#connection;
    const message = checked(given);
    if (this.#waiting.length === 0 && !connection.isPressured) {
      connection.deliver(message);
      // Not within the call: ws calls back later, and libraries count on it.
      if (done !== undefined) process.nextTick(done);
      return;
    }
    if (this.#isFull()) {
      if (done !== undefined) process.nextTick(done, new Error(TOO_MUCH));
      return connection.overload();
    }
    this.#waiting.push({ message, done });
    this.#bytes += sizeOf(message);
  }

  /** Whatever its size, one message may wait. */
  #isFull(): boolean {
    const { maxMailbox, maxBufferedAmount } = this.#connection;
    return this.#waiting.length >= maxMailbox || this.#bytes > MAX_BACKLOG * maxBufferedAmount;
  }

  /** Calls `then` when all that waits has been handed over: now, if nothing does. */
  whenEmpty(then: () => void): void {
    if (this.#waiting.length === 0) then();
    else this.#onEmpty = then;
  }

  /** Nothing of it will be sent any more. */
  drop(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#onEmpty = undefined;
    for (const { done } of waiting) if (done !== undefined) process.nextTick(done, error);
  }

  /** The client has drained. */
  proceed(): void {
    const connection = this.#connection;
    let sent = 0;
    while (sent < this.#waiting.length && !connection.isPressured && !connection.isEnding) {
      const { message, done } = this.#waiting[sent++]!;
      this.#bytes -= sizeOf(message);
      connection.deliver(message);
      if (done !== undefined) process.nextTick(done);
    }
    this.#waiting.splice(0, sent);
    if (this.#waiting.length > 0) return;
    const onEmpty = this.#onEmpty;
    this.#onEmpty = undefined;
    onEmpty?.();
  }
}

function checked(message: RawMessage): Outgoing {
  try {
    return eachTime(message, jsonCodec);
  } catch (error) {
    throw error instanceof Fault ? new TypeError(`send: ${error.message}`) : error;
  }
}

function sizeOf({ payload }: Outgoing): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
}
