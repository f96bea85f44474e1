import { callbackTracing } from '../telemetry/callback-tracing.js';
import { ABNORMAL_CLOSURE } from '../websock/close.js';
import type { ResolvedOptions } from '../websock/options.js';
import { traceCallback } from './callback-trace.js';
import type { Cancel, Clock } from './clock.js';
import { frameCode, type Ending } from './ending.js';
import { isPromiseLike } from './promise-like.js';
import { reportError, reportOverrun, reportSlow, type Reporter } from './reports.js';
import type { Transport } from './transport.js';

/** While the server shuts down a client gets so long to answer the close frame, ms. */
const SHUTDOWN_CLOSE_WAIT = 2_000;

/**
 * A connection's way out, once its end is decided: `terminate`, then the close frame, then the closing handshake, each
 * within its limit. Nothing here looks at why.
 */
export class Departure {
  readonly #transport: Transport;
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #onOver: () => void;
  #phase: 'waiting' | 'terminating' | 'closing' | 'over' = 'waiting';
  #limit: Cancel | undefined;
  #slow: Cancel | undefined;
  #gone = false;
  #isHurried = false;

  constructor(
    transport: Transport,
    options: ResolvedOptions,
    clock: Clock,
    reporter: Reporter,
    onOver: () => void,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#clock = clock;
    this.#reporter = reporter;
    this.#onOver = onOver;
  }

  /** Gives what was received before the end `closeTimeout` in all. */
  limitWork(abandon: (limit: number) => void): void {
    const { closeTimeout } = this.#options;
    this.#bound(closeTimeout, () => abandon(closeTimeout));
  }

  /** Sets out. `terminate` runs at most once, and before the close frame is sent. */
  leave(ending: Ending, terminate: (() => unknown) | undefined): void {
    this.#phase = 'terminating';
    this.#limit?.();
    try {
      const result = terminate === undefined ? undefined : this.#call(terminate);
      if (isPromiseLike(result)) return this.#await(result, ending);
    } catch (error) {
      reportError(this.#reporter, 'terminate', error);
    }
    this.#close(ending);
  }

  transportClosed(): void {
    this.#gone = true;
    if (this.#phase === 'closing') this.#finish();
  }

  /** The server shuts down: the client gets less time for the closing handshake, also for one that is still to come. */
  hurry(): void {
    this.#isHurried = true;
    if (this.#phase === 'closing') this.#boundHandshake(SHUTDOWN_CLOSE_WAIT);
  }

  /** Drops the transport and waits for nothing more. */
  cut(): void {
    this.#transport.destroy();
    this.#finish();
  }

  #call(terminate: () => unknown): unknown {
    return callbackTracing.hasSubscribers
      ? traceCallback(this.#reporter, 'terminate', terminate)
      : terminate();
  }

  #await(promise: PromiseLike<unknown>, ending: Ending): void {
    const { terminateTimeout, slowCallback } = this.#options;
    // Else the overrun tells it.
    if (slowCallback < terminateTimeout) this.#watch(slowCallback);
    this.#bound(terminateTimeout, () => {
      reportOverrun(this.#reporter, 'terminate', terminateTimeout);
      this.#close(ending);
    });
    void Promise.resolve(promise)
      .catch((error) => reportError(this.#reporter, 'terminate', error))
      .then(() => this.#close(ending));
  }

  /** Lets the client know, or drops it where no close frame can be sent. */
  #close(ending: Ending): void {
    if (this.#phase !== 'terminating') return;
    this.#phase = 'closing';
    this.#limit?.();
    this.#slow?.();
    if (this.#gone) return this.#finish();
    if (ending.code === ABNORMAL_CLOSURE) return this.#transport.destroy();
    this.#boundHandshake(this.#isHurried ? SHUTDOWN_CLOSE_WAIT : this.#options.closeTimeout);
    this.#transport.close(frameCode(ending), ending.closeReason);
  }

  #watch(slowCallback: number): void {
    this.#slow = this.#clock.after(slowCallback, () => reportSlow(this.#reporter, 'terminate', slowCallback));
  }

  #boundHandshake(limit: number): void {
    this.#bound(limit, () => this.#transport.destroy());
  }

  #finish(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#limit?.();
    this.#slow?.();
    this.#onOver();
  }

  #bound(limit: number, overrun: () => void): void {
    this.#limit?.();
    this.#limit = this.#clock.after(limit, overrun);
  }
}
