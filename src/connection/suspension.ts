import type { Cancel } from './clock.js';
import type { ConnectionOwner } from './opening.js';
import type { Reporter } from './reports.js';
import { Slowness, type Watched } from './slowness.js';

/** What waiting asks of the connection whose callback it is. */
export interface SuspendedConnection extends Reporter {
  /** What was waited for has been dealt with. */
  goOn(): void;
}

/** Takes what has come of a promise, as a method of the runner. */
export type Resume = (value: any) => void;

/**
 * Waits for what callbacks have not settled at once: for one promise after the other, within limits, and with an eye on how
 * slow they are, unless it is given up.
 */
export class Suspension {
  readonly #connection: SuspendedConnection;
  readonly #runner: Watched;
  readonly #slowness: Slowness;
  #waits = 0;
  /** Counts what was given up: late settlements of an earlier one are ignored. */
  #givenUp = 0;
  /** Bound the callback that runs. */
  #limits: Cancel[] | undefined;

  constructor(
    connection: SuspendedConnection,
    runner: Watched,
    owner: ConnectionOwner,
    slowCallback: number,
  ) {
    this.#connection = connection;
    this.#runner = runner;
    this.#slowness = new Slowness(connection, runner, owner.sweeper, slowCallback);
  }

  /** Promises awaited so far. */
  get waits(): number {
    return this.#waits;
  }

  get isLimited(): boolean {
    return this.#limits !== undefined;
  }

  /** One of both gets what comes of the promise, then the connection goes on; neither if it is given up before. */
  await(promise: PromiseLike<unknown>, settled: Resume, failed: Resume): void {
    this.#waits++;
    this.#slowness.watch();
    const givenUp = this.#givenUp;
    Promise.resolve(promise).then(
      (value) => this.#resume(givenUp, settled, value),
      (error) => this.#resume(givenUp, failed, error),
    );
  }

  /** The timer bounds the callback that runs. */
  limit(timer: Cancel): void {
    (this.#limits ??= []).push(timer);
  }

  /** It has come to a result. */
  endLimits(): void {
    if (this.#limits === undefined) return;
    for (const cancel of this.#limits) cancel();
    this.#limits = undefined;
  }

  /** Nobody waits any more. */
  giveUp(): void {
    this.#givenUp++;
    this.endLimits();
  }

  /** Nothing is run any more. */
  end(): void {
    this.#slowness.stop();
  }

  #resume(givenUp: number, resume: Resume, value: unknown): void {
    if (givenUp !== this.#givenUp) return;
    resume.call(this.#runner, value);
    this.#connection.goOn();
  }
}
