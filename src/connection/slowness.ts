import type { CallbackName } from '../websock/websock.js';
import { reportSlow, type Reporter } from './reports.js';
import type { Sweepable, Sweeper } from './sweeper.js';

/** A runner of callbacks, as it is watched. */
export interface Watched {
  /** The callback that runs, or ran last. */
  readonly callback: CallbackName;
  /** A callback has not settled; false while the client has to drain first. */
  readonly isRunning: boolean;
  /** Callbacks run so far. */
  readonly runs: number;
  /** Promises awaited so far: a new one is progress. */
  readonly waits: number;
}

/**
 * Reports the callbacks of one connection that do not settle: `slowCallback` ms long, or do not go on, each run once. It looks on
 * from an asynchronous callback to the next sweep that finds none, so that neither an idle connection nor a message costs anything.
 */
export class Slowness implements Sweepable {
  readonly #reporter: Reporter;
  readonly #runner: Watched;
  readonly #sweeper: Sweeper;
  readonly #limit: number;
  place = -1;
  /** The promise that the last sweep saw, and when one saw it first. */
  #wait = 0;
  #since = 0;
  #reportedRun = 0;

  constructor(reporter: Reporter, runner: Watched, sweeper: Sweeper, limit: number) {
    this.#reporter = reporter;
    this.#runner = runner;
    this.#sweeper = sweeper;
    this.#limit = limit;
  }

  /** A callback is asynchronous. */
  watch(): void {
    if (this.place < 0) this.#sweeper.add(this, this.#limit);
  }

  stop(): void {
    this.#sweeper.remove(this, this.#limit);
  }

  sweep(now: number, lost: number): void {
    const { callback, isRunning, runs, waits } = this.#runner;
    if (!isRunning) return this.stop();
    if (waits !== this.#wait) {
      this.#wait = waits;
      this.#since = now;
      return;
    }
    this.#since += lost;
    const duration = now - this.#since;
    if (duration < this.#limit || runs === this.#reportedRun) return;
    this.#reportedRun = runs;
    reportSlow(this.#reporter, callback, duration);
  }
}
