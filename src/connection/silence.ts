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

  /** Takes the last `ms` out, as far as they have counted at all. */
  forgive(ms: number, now: number): void {
    const stoppedAt = this.#heldSince ?? now;
    const counted = Math.max(0, stoppedAt - (now - ms));
    // No credit for the future: part of it may have been held, and has been taken out then.
    this.#since = Math.min(this.#since + counted, stoppedAt);
  }

  /** Milliseconds of silence so far. */
  elapsed(now: number): number {
    return (this.#heldSince ?? now) - this.#since;
  }
}
