import type { AsyncResource } from 'node:async_hooks';
import { callbackTracing } from '../telemetry/callback-tracing.js';
import { ABNORMAL_CLOSURE } from '../websock/close.js';
import type { Connection } from '../websock/connection.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { CallbackRunner } from './callback-runner.js';
import { traceCallback } from './callback-trace.js';
import type { Cancel, Clock } from './clock.js';
import { factsOf, frameCode, type Ending } from './ending.js';
import type { Inbox } from './inbox.js';
import type { Line } from './line.js';
import { isPromiseLike } from './promise-like.js';
import { reportError, reportOverrun, reportSlow, type Reporter } from './reports.js';

/** While the server shuts down a client gets so long to answer the close frame, ms. */
const SHUTDOWN_CLOSE_WAIT = 2_000;

/** What a departure tells the connection whose it is. */
export interface Departing extends Connection, Reporter {
  runningMethod: string | undefined;
  /** What was received before the end is given up: nothing is left but to leave. */
  goOn(): void;
  /** `terminate` is done, or there is none: all that the connection owns is released. Before the close frame. */
  terminated(): void;
  /** Nothing is left of it. */
  departed(): void;
}

/** What is at work in the connection that departs. */
export interface DepartureParts {
  readonly runner: CallbackRunner;
  readonly inbox: Inbox;
  readonly line: Line;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  /** The async context in which all its callbacks run. */
  readonly context: AsyncResource;
}

/**
 * A connection's way out, once its end is decided: what was received before, `terminate`, the close frame, the closing
 * handshake, each within its limit.
 */
export class Departure {
  /** Why. */
  readonly ending: Ending;
  readonly #connection: Departing;
  readonly #parts: DepartureParts;
  #phase: 'working' | 'terminating' | 'closing' | 'over' = 'working';
  #limit: Cancel | undefined;
  #slow: Cancel | undefined;
  #isHurried = false;
  #hasTerminated = false;

  constructor(connection: Departing, ending: Ending, parts: DepartureParts) {
    this.#connection = connection;
    this.ending = ending;
    this.#parts = parts;
  }

  /** `terminate` has its turn, or has had it. */
  get hasLeft(): boolean {
    return this.#phase !== 'working';
  }

  /** `terminate` is done, or given up. */
  get hasTerminated(): boolean {
    return this.#hasTerminated;
  }

  // What was received before

  /** Gives it `closeTimeout` in all, and the callback that runs `terminateTimeout` more. */
  limitWork(): void {
    const { runner, inbox, options } = this.#parts;
    if (runner.isIdle && inbox.length === 0) return;
    const { closeTimeout, terminateTimeout } = options;
    this.#bound(closeTimeout, () => this.#abandon(closeTimeout));
    if (runner.isRunning) runner.limit(terminateTimeout, () => this.#abandon(terminateTimeout));
  }

  /** Gives up the callback that runs and what waits behind it: late results are ignored. */
  #abandon(limit: number): void {
    if (this.hasLeft) return;
    this.#parts.context.runInAsyncScope(() => {
      this.#parts.runner.abandon(limit);
      this.#parts.inbox.drop();
      this.#connection.goOn();
    });
  }

  // The way out

  /** Sets out: nothing is left to be done. `terminate` runs at most once, and before the close frame is sent. */
  leave(): void {
    this.#phase = 'terminating';
    this.#limit?.();
    this.#connection.runningMethod = undefined;
    try {
      const result = this.#terminate();
      if (isPromiseLike(result)) return this.#await(result);
    } catch (error) {
      reportError(this.#connection, 'terminate', error);
    }
    this.#close();
  }

  transportClosed(): void {
    if (this.#phase === 'closing') this.#finish();
  }

  /** The server shuts down: the client gets less time for the closing handshake, also for one that is still to come. */
  hurry(): void {
    this.#isHurried = true;
    if (this.#phase === 'closing') this.#boundHandshake(SHUTDOWN_CLOSE_WAIT);
  }

  /** Drops the transport and waits for nothing more: a callback that runs is abandoned, `terminate` is called but not awaited. */
  cut(): void {
    this.#abandon(0);
    this.#parts.line.destroy();
    this.#finish();
  }

  /** Without an applied `init` there is nothing to take down. */
  #terminate(): unknown {
    const connection = this.#connection;
    const { runner } = this.#parts;
    const { websock } = connection.handler;
    if (websock.terminate === undefined || !runner.isInitialised) return undefined;
    const { reason } = this.ending;
    const call = () => websock.terminate!(reason, runner.state, factsOf(this.ending), connection);
    return callbackTracing.hasSubscribers ? traceCallback(connection, 'terminate', call) : call();
  }

  #await(promise: PromiseLike<unknown>): void {
    const { terminateTimeout, slowCallback } = this.#parts.options;
    // Else the overrun tells it.
    if (slowCallback < terminateTimeout) this.#watch(slowCallback);
    this.#bound(terminateTimeout, () => {
      reportOverrun(this.#connection, 'terminate', terminateTimeout);
      this.#close();
    });
    void Promise.resolve(promise)
      .catch((error) => reportError(this.#connection, 'terminate', error))
      .then(() => this.#close());
  }

  /** Lets the client know, or drops it where no close frame can be sent. */
  #close(): void {
    if (this.#phase !== 'terminating') return;
    this.#phase = 'closing';
    this.#limit?.();
    this.#slow?.();
    this.#terminated();
    const { line, options } = this.#parts;
    if (line.isGone) return this.#finish();
    if (this.ending.code === ABNORMAL_CLOSURE) return line.destroy();
    this.#boundHandshake(this.#isHurried ? SHUTDOWN_CLOSE_WAIT : options.closeTimeout);
    line.close(frameCode(this.ending), this.ending.closeReason);
  }

  #watch(slowCallback: number): void {
    this.#slow = this.#parts.clock.after(slowCallback, () =>
      reportSlow(this.#connection, 'terminate', slowCallback),
    );
  }

  #boundHandshake(limit: number): void {
    this.#bound(limit, () => this.#parts.line.destroy());
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
    this.#limit = this.#parts.clock.after(limit, overrun);
  }
}
