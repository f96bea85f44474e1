import { CallTimeoutError, ConnectionEndedError, NoReplyError } from '../websock/errors.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { Cancel, Clock } from './clock.js';

/** A `call` that waits for its answer. It is answered once; what comes later is ignored. */
export class PendingCall {
  readonly promise: Promise<unknown>;
  readonly #ref: ConnectionRef;
  readonly #cancelTimeout: Cancel;
  #resolve!: (term: unknown) => void;
  #reject!: (error: Error) => void;

  constructor(ref: ConnectionRef, timeout: number, clock: Clock) {
    this.#ref = ref;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#cancelTimeout = clock.after(timeout, () => this.#reject(new CallTimeoutError(ref, timeout)));
  }

  reply(term: unknown): void {
    this.#cancelTimeout();
    this.#resolve(term);
  }

  noReply(): void {
    this.#cancelTimeout();
    this.#reject(new NoReplyError(this.#ref));
  }

  ended(): void {
    this.#cancelTimeout();
    this.#reject(new ConnectionEndedError(this.#ref));
  }
}
