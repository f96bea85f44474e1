import type { Inbox } from './inbox.js';
import type { Transport } from './transport.js';

/** Keeps what waits bounded, both ways, by not reading on. */
export class Backpressure {
  readonly #transport: Transport;
  readonly #inbox: Inbox;
  #pressured = false;
  #paused = false;
  #gone = false;

  constructor(transport: Transport, inbox: Inbox) {
    this.#transport = transport;
    this.#inbox = inbox;
  }

  /** More than `maxBufferedAmount` waits for the client. */
  get pressured(): boolean {
    return this.#pressured;
  }

  /** The client is not read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** The transport asked to wait. */
  press(): void {
    this.#pressured = !this.#gone;
    this.update();
  }

  /** The client has drained. */
  release(): void {
    this.#pressured = false;
    this.update();
  }

  /** The transport is gone: nothing waits for it any more. */
  lift(): void {
    this.#gone = true;
    this.#pressured = false;
    this.#paused = false;
  }

  /** Reading pauses at the mark and goes on at half of it. */
  update(): void {
    if (this.#gone) return;
    const pause = this.#pressured || this.#inbox.isFull(this.#paused ? 0.5 : 1);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#transport.pause();
    else this.#transport.resume();
  }
}
