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

/** What a departure tells the connection whose it is. */
export interface Departing extends Reporter {
  /** `terminate` is done, or there is none: all that the connection owns is released. Before the close frame. */
  terminated(): void;
  /** Nothing is left of it. */
  departed(): void;
}

/**
 * A connection's way out, once its end is decided: `terminate`, then the close frame, then the closing handshake, each
 * within its limit. Nothing here looks at why.
 */
export class Departure {
  readonly #transport: Transport;
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #connection: Departing;
  #phase: 'waiting' | 'terminating' | 'closing' | 'over' = 'waiting';
  #limit: Cancel | undefined;
  #slow: Cancel | undefined;
  #gone = false;
  #isHurried = false;
  #hasTerminated = false;

  constructor(transport: Transport, options: ResolvedOptions, clock: Clock, connection: Departing) {
    this.#transport = transport;
    this.#options = options;
    this.#clock = clock;
    this.#connection = connection;
  }

  /** `terminate` is done, or given up. */
  get hasTerminated(): boolean {
    return this.#hasTerminated;
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
      reportError(this.#connection, 'terminate', error);
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
      ? traceCallback(this.#connection, 'terminate', terminate)
      : terminate();
  }

  #await(promise: PromiseLike<unknown>, ending: Ending): void {
    const { terminateTimeout, slowCallback } = this.#options;
    // Else the overrun tells it.
    if (slowCallback < terminateTimeout) this.#watch(slowCallback);
    this.#bound(terminateTimeout, () => {
      reportOverrun(this.#connection, 'terminate', terminateTimeout);
      this.#close(ending);
    });
    void Promise.resolve(promise)
      .catch((error) => reportError(this.#connection, 'terminate', error))
      .then(() => this.#close(ending));
  }

  /** Lets the client know, or drops it where no close frame can be sent. */
  #close(ending: Ending): void {
    if (this.#phase !== 'terminating') return;
    this.#phase = 'closing';
    this.#limit?.();
    this.#slow?.();
    this.#terminated();
    if (this.#gone) return this.#finish();
    if (ending.code === ABNORMAL_CLOSURE) return this.#transport.destroy();
    this.#boundHandshake(this.#isHurried ? SHUTDOWN_CLOSE_WAIT : this.#options.closeTimeout);
    this.#transport.close(frameCode(ending), ending.closeReason);
  }

  #watch(slowCallback: number): void {
    this.#slow = this.#clock.after(slowCallback, () =>
      reportSlow(this.#connection, 'terminate', slowCallback),
    );
  }

  #boundHandshake(limit: number): void {
    this.#bound(limit, () => this.#transport.destroy());
  }

  #finish(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#limit?.();
    this.#slow?.();
    // One that is cut off does not wait for its terminate.
    this.#terminated();
    this.#connection.departed();
  }

  #terminated(): void {
    if (this.#hasTerminated) return;
    this.#hasTerminated = true;
    this.#connection.terminated();
  }

  #bound(limit: number, overrun: () => void): void {
    this.#limit?.();
    this.#limit = this.#clock.after(limit, overrun);
  }
}
