import type { ResolvedOptions } from '../websock/options.js';
import { Silence } from './silence.js';
import type { Transport } from './transport.js';

/**
 * What a look at the clock found: the client was silent too long (`idle`), long enough for a ping (`ping`), or
 * takes nothing of what waits for it (`stuck`).
 */
export type Verdict = 'idle' | 'ping' | 'stuck' | 'fine';

/** Watches a client's bytes, both ways, by looking at the transport's counters now and then. */
export class Liveness {
  readonly #options: ResolvedOptions;
  readonly #silence: Silence;
  #received = 0;
  #pings = 0;
  #accepted = 0;
  #progressAt: number;
  #lookedAt: number;

  constructor(options: ResolvedOptions, now: number) {
    this.#options = options;
    this.#silence = new Silence(now);
    this.#progressAt = now;
    this.#lookedAt = now;
  }

  /** Stops or starts the idle clock. */
  hold(held: boolean, now: number): void {
    this.#silence.hold(held, now);
  }

  /** Takes out time in which the process could not run. */
  forgive(ms: number, now: number): void {
    this.#silence.forgive(ms, now);
    this.#progressAt += ms;
  }

  look(transport: Transport, now: number): Verdict {
    // While output waits a client may not even have seen our ping.
    if (transport.bufferedAmount > 0) this.#silence.forgive(now - this.#lookedAt, now);
    this.#lookedAt = now;
    if (this.#isStuck(transport, now)) return 'stuck';
    const received = transport.bytesReceived;
    if (received !== this.#received) {
      this.#received = received;
      this.#pings = 0;
      this.#silence.restart(now);
      return 'fine';
    }
    const silent = this.#silence.elapsed(now);
    if (silent >= this.#options.timeout) return 'idle';
    return this.#isPingDue(silent) ? 'ping' : 'fine';
  }

  #isPingDue(silent: number): boolean {
    const { heartbeat } = this.#options;
    if (heartbeat === false || silent < heartbeat * (this.#pings + 1)) return false;
    this.#pings++;
    return true;
  }

  #isStuck(transport: Transport, now: number): boolean {
    const accepted = transport.bytesAccepted;
    if (transport.bufferedAmount === 0 || accepted !== this.#accepted) {
      this.#accepted = accepted;
      this.#progressAt = now;
      return false;
    }
    return now - this.#progressAt >= this.#options.sendTimeout;
  }
}

/** The shortest time that a `Liveness` with these options has to tell apart, ms. */
export function shortestLimit({ timeout, heartbeat, sendTimeout }: ResolvedOptions): number {
  return Math.min(timeout, sendTimeout, heartbeat === false ? Infinity : heartbeat);
}
