/**
 * How long the client has been silent. Time in which the connection would not have listened to it anyway (a callback runs,
 * output waits, reading is paused) does not count.
 */
export class Silence {
  #since: number;
  #heldSince: number | undefined;

  constructor(now: number) {
    this.#since = now;
  }

  /** The client was heard. */
  restart(now: number): void {
    this.#since = now;
    if (this.#heldSince !== undefined) this.#heldSince = now;
  }

  /** Stops or starts the clock. */
  hold(held: boolean, now: number): void {
    if (held) {
      this.#heldSince ??= now;
    } else if (this.#heldSince !== undefined) {
      this.#since += now - this.#heldSince;
      this.#heldSince = undefined;
    }
  }

  /** Takes out time that the whole process lost. */
  forgive(ms: number): void {
    this.#since += ms;
    if (this.#heldSince !== undefined) this.#heldSince += ms;
  }

  /** Milliseconds of silence so far. */
  elapsed(now: number): number {
    return (this.#heldSince ?? now) - this.#since;
  }
}
