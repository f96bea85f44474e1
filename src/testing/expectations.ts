import { AssertionError } from 'node:assert';
import { clearTimeout, setTimeout } from 'node:timers';
import { NO_STATUS_RECEIVED } from '../websock/close.js';
import type { Codec } from '../websock/codec.js';
import {
  isControl,
  matches,
  showBeside,
  showExpected,
  type ExpectedMessage,
  type ReceivedMessage,
} from './messages.js';

/** What else there is to know when an expectation fails. */
export interface Explanation {
  /** For the message, a line each. */
  readonly lines: readonly string[];
  /** The error behind the failure. */
  readonly cause?: unknown;
}

/** How a connection ended, as its client saw it. */
export interface ClientClose {
  /** The close frame's code; 1005 where it had none, 1006 where there was no close frame. */
  readonly code: number;
  /** The close frame's reason, `''` where there was none. */
  readonly reason: string;
}

/** Options of a single expectation, or of all of a connection. */
export interface ExpectOptions {
  /** How long to wait for what is expected, real ms, whatever the clock of the connection says. Default 1 000. */
  within?: number;
}

const WITHIN = 1_000;

/**
 * What a client has received, and what a test expects of it. Every failed expectation throws node's `AssertionError` and says
 * what came instead, so any test runner shows it.
 */
export abstract class Expectations {
  /** Everything received, in order, pings and pongs included. */
  readonly received: ReceivedMessage[] = [];
  /** How long an expectation waits unless it says otherwise, real ms. */
  protected readonly within: number;
  readonly #data: ReceivedMessage[] = [];
  readonly #control: ReceivedMessage[] = [];
  #closed: ClientClose | undefined;
  #wake = new Set<() => void>();

  protected constructor({ within = WITHIN }: ExpectOptions) {
    this.within = within;
  }

  /** How the connection ended; undefined while it is open. */
  get closed(): ClientClose | undefined {
    return this.#closed;
  }

  /**
   * Expects the next message, and takes it: a data message; a control message if `expected` is a ping or a pong. Messages come
   * one by one in the order of arrival, and none is skipped.
   *
   * @param expected without it any data message will do
   * @returns the message
   * @throws AssertionError when another message or the end of the connection comes, or nothing does
   */
  async expectPush(expected?: ExpectedMessage, options: ExpectOptions = {}): Promise<ReceivedMessage> {
    const { within = this.within } = options;
    const queue = isControl(expected) ? this.#control : this.#data;
    await this.#wait(() => queue.length > 0 || this.#closed !== undefined, within);
    const message = queue.shift();
    if (message === undefined) throw this.#failure(this.expectPush, showExpected(expected), within);
    if (expected === undefined || matches(expected, message, this.codec)) return message;
    throw this.#failure(this.expectPush, showExpected(expected), within, message, expected);
  }

  /**
   * Expects the end of the connection, with this code and reason if they are given; 1006 where it ends without a close frame.
   * All data messages must have been taken before.
   *
   * @returns the code and the reason
   * @throws AssertionError when a data message or another end comes, or nothing does
   */
  async expectClose(code?: number, reason?: string, options: ExpectOptions = {}): Promise<ClientClose> {
    const { within = this.within } = options;
    await this.#wait(() => this.#data.length > 0 || this.#closed !== undefined, within);
    const closed = this.#closed;
    const fits =
      (code === undefined || closed?.code === code) && (reason === undefined || closed?.reason === reason);
    if (closed !== undefined && this.#data.length === 0 && fits) return closed;
    throw this.#failure(this.expectClose, showClose(code, reason), within, this.#data[0]);
  }

  /**
   * Expects that nothing more has come: no data message that was not taken, no end. Pings and pongs are not counted.
   *
   * @throws AssertionError when there is something
   */
  async expectNothing(): Promise<void> {
    if (this.#isQuiet()) await this.untilQuiet(this.within);
    if (!this.#isQuiet()) throw this.#failure(this.expectNothing, 'nothing', this.within, this.#data[0]);
  }

  /** Encodes what is sent as `json(value)`, decodes what is expected so. */
  protected abstract get codec(): Codec;

  /** Resolves when all that is on its way has come. */
  protected abstract untilQuiet(within: number): Promise<void>;

  /** What else there is to know when an expectation fails. */
  protected abstract explain(): Explanation;

  /** The client has received a message. */
  protected addMessage(message: ReceivedMessage): void {
    this.received.push(message);
    (isControl(message) ? this.#control : this.#data).push(message);
    this.#changed();
  }

  /** The client has seen the end; only the first counts. */
  protected addClose(code: number, reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = { code, reason };
    this.#changed();
  }

  /** Fails with what is known. */
  protected fail(expected: string, within: number): AssertionError {
    return this.#failure(this.fail, expected, within);
  }

  #isQuiet(): boolean {
    return this.#data.length === 0 && this.#closed === undefined;
  }

  #changed(): void {
    for (const look of this.#wake) look();
  }

  #wait(until: () => boolean, within: number): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake.delete(look);
        resolve();
      };
      const look = () => until() && done();
      const timer = setTimeout(done, within);
      this.#wake.add(look);
    });
  }

  #failure(
    where: unknown,
    expected: string,
    within: number,
    got?: ReceivedMessage,
    beside?: ExpectedMessage,
  ): AssertionError {
    const actual = this.#describe(within, got, beside);
    const { lines, cause } = this.explain();
    const error = new AssertionError({
      message: [`expected ${expected}, but ${actual}`, ...lines].join('\n  '),
      expected,
      actual,
      operator: (where as { name: string }).name,
    });
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  #describe(within: number, got: ReceivedMessage | undefined, beside: ExpectedMessage | undefined): string {
    if (got !== undefined) return `${showBeside(beside, got, this.codec)} came`;
    if (this.#closed === undefined) return `nothing came within ${within} ms`;
    return `the connection ended with ${showClose(this.#closed.code, this.#closed.reason)}`;
  }
}

/** `close 1000 "bye"`, as failures show an end. */
export function showClose(code: number | undefined, reason: string | undefined): string {
  const parts = ['close'];
  if (code !== undefined) parts.push(code === NO_STATUS_RECEIVED ? '1005 (no code)' : String(code));
  if (reason !== undefined && reason !== '') parts.push(JSON.stringify(reason));
  return parts.join(' ');
}
