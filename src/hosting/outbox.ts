import type { RawMessage } from '../websock/message.js';
import type { HostedConnection } from './hosted-connection.js';

/** Called when a message has been handed over, or will never be. */
export type SendCallback = (error?: Error) => void;

interface Waiting {
  readonly message: RawMessage;
  readonly done: SendCallback | undefined;
}

/** What a hosted socket sends, in order; it waits here while the client has to drain. */
export class Outbox {
  readonly #connection: HostedConnection;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** To be called when all that waits has been handed over. */
  #onEmpty: (() => void) | undefined;

  constructor(connection: HostedConnection) {
    this.#connection = connection;
    connection.whenDrained(() => this.#proceed());
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  send(message: RawMessage, done: SendCallback | undefined): void {
    const connection = this.#connection;
    if (this.#waiting.length === 0 && !connection.isPressured) {
      connection.sendNow(message);
      // Not within the call: ws calls back later, and libraries count on it.
      if (done !== undefined) process.nextTick(done);
      return;
    }
    if (this.#waiting.length >= connection.maxMailbox) {
      if (done !== undefined) process.nextTick(done, tooMuch(connection.maxMailbox));
      return connection.overflow();
    }
    this.#waiting.push({ message, done });
    this.#bytes += sizeOf(message);
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

  #proceed(): void {
    const connection = this.#connection;
    let sent = 0;
    while (sent < this.#waiting.length && !connection.isPressured && !connection.isEnding) {
      const { message, done } = this.#waiting[sent++]!;
      this.#bytes -= sizeOf(message);
      connection.sendNow(message);
      if (done !== undefined) process.nextTick(done);
    }
    this.#waiting.splice(0, sent);
    if (this.#waiting.length > 0) return;
    this.#onEmpty?.();
    this.#onEmpty = undefined;
  }
}

function sizeOf([, payload]: RawMessage): number {
  return payload === null ? 0 : (payload as string | Uint8Array).length;
}

function tooMuch(limit: number): Error {
  return new Error(`More than ${limit} messages wait for a client that does not read (option maxMailbox)`);
}
