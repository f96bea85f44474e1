import type { PendingCall } from './call.js';
import type { Line } from './line.js';
import type { Outcome } from './outgoing.js';

/** Applies checked results, one after the other: sends the messages, keeps the state, answers the call. */
export class Results {
  readonly #line: Line;
  #state: unknown;
  #isInitialised = false;
  /** The one that waits for the client to drain, and how many messages of the newest have left. */
  #outcome: Outcome | undefined;
  #sent = 0;
  #call: PendingCall | undefined;

  constructor(line: Line) {
    this.#line = line;
  }

  /** The newest applied state. */
  get state(): unknown {
    return this.#state;
  }

  /** There is a state. */
  get isInitialised(): boolean {
    return this.#isInitialised;
  }

  /** The rest of a result has to wait for the client. */
  get isWaiting(): boolean {
    return this.#outcome !== undefined;
  }

  keep(state: unknown): void {
    this.#state = state;
    this.#isInitialised = true;
  }

  /** The callback that runs is to answer it. */
  expect(call: PendingCall): void {
    this.#call = call;
  }

  /** Sends the messages, then keeps the state. False: the client must drain before the rest of it. */
  apply(outcome: Outcome): boolean {
    this.#sent = 0;
    return this.#send(outcome);
  }

  /** The client has drained, or there is none any more: goes on with the one that waits, as `apply`. */
  proceed(): boolean {
    if (!this.#send(this.#outcome!)) return false;
    this.#outcome = undefined;
    return true;
  }

  /** The end is decided: the call at hand is not answered any more. */
  endCall(): void {
    this.#call?.ended();
    this.#call = undefined;
  }

  /** Nothing is left of the callback; what waits of its result is given up. */
  finish(): void {
    this.#outcome = undefined;
    this.#call?.noReply();
    this.#call = undefined;
  }

  #send(outcome: Outcome): boolean {
    const { messages, reply } = outcome;
    while (this.#sent < messages.length) {
      if (this.#line.isPressured) {
        this.#outcome = outcome;
        return false;
      }
      this.#line.deliver(messages[this.#sent++]!);
    }
    this.keep(outcome.state);
    if (reply !== undefined) this.#answer(reply.term);
    return true;
  }

  #answer(term: unknown): void {
    this.#call?.reply(term);
    this.#call = undefined;
  }
}
