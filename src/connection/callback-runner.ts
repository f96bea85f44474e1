import { setImmediate as turn } from 'node:timers/promises';
import type { Connection } from '../websock/connection.js';
import { ResultError, WebSockError } from '../websock/errors.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { ResultStream } from '../websock/result.js';
import { crashed, stopped, type Ending } from './ending.js';
import { methodName, type RunnableCallback } from './handler.js';
import type { Envelope } from './inbox.js';
import { invoke } from './invocation.js';
import type { Line } from './line.js';
import type { ConnectionOwner } from './opening.js';
import { checkResult, eachTime, Fault, onceInATick, type Outcome } from './outgoing.js';
import { isPromiseLike, isStream } from './promise-like.js';
import { reportError, reportOverrun } from './reports.js';
import { Results } from './results.js';
import { Suspension, type Resume, type SuspendedConnection } from './suspension.js';

/** What running callbacks asks of the connection whose they are. */
export interface RunningConnection extends Connection, SuspendedConnection {
  /** The end is decided. */
  readonly isEnding: boolean;
  /** The method that runs, where the handler has several for a callback and says which. */
  runningMethod: string | undefined;
  /** The handler has decided the end: what waits is dropped. */
  endByHandler(ending: Ending): void;
}

const PULLS_PER_TURN = 64;

/**
 * Runs a connection's callbacks, one at a time, each to its end: what it returns is awaited or pulled, checked and applied;
 * what it throws may become a result. `terminate` is not among them: it belongs to the `Departure`.
 */
export class CallbackRunner {
  readonly #connection: RunningConnection;
  readonly #line: Line;
  readonly #options: ResolvedOptions;
  readonly #owner: ConnectionOwner;
  readonly #results: Results;
  /**
   * - `idle`: free for the next
   * - `running`: a callback has not settled
   * - `sending`: the client must drain before the rest of a result is sent, or the next of a stream is asked for
   */
  #phase: 'idle' | 'running' | 'sending' = 'idle';
  /** The callback that runs, or ran last, and what it was called with. */
  #callback: RunnableCallback = 'init';
  #message: unknown;
  #isRecovering = false;
  /** The results of a callback that is an async generator. */
  #stream: ResultStream<unknown> | undefined;
  #pulls = 0;
  #runs = 0;
  /** Exists once a callback is asynchronous. */
  #suspension: Suspension | undefined;

  constructor(connection: RunningConnection, line: Line, options: ResolvedOptions, owner: ConnectionOwner) {
    this.#connection = connection;
    this.#line = line;
    this.#options = options;
    this.#owner = owner;
    this.#results = new Results(line);
  }

  get isIdle(): boolean {
    return this.#phase === 'idle';
  }

  /** A callback has not settled. */
  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  /** Callbacks run so far. */
  get runs(): number {
    return this.#runs;
  }

  /** Promises awaited so far. */
  get waits(): number {
    return this.#suspension?.waits ?? 0;
  }

  /** The callback that runs, or ran last. */
  get callback(): RunnableCallback {
    return this.#callback;
  }

  /** `init` has been applied: there is a state, and so a `terminate`. */
  get isInitialised(): boolean {
    return this.#results.isInitialised;
  }

  /** The newest applied state. */
  get state(): unknown {
    return this.#results.state;
  }

  /** Runs `init`, which bounds itself by `upgradeTimeout`. Without one the argument is the state. */
  init(argument: unknown): void {
    if (this.#connection.handler.websock.init !== undefined) return this.#run('init', argument);
    this.#results.keep(argument);
  }

  /** Runs the callback for one message; the handler has it. */
  run(envelope: Envelope): void {
    if (envelope.callback === 'handleInfo' && envelope.call !== undefined)
      this.#results.expect(envelope.call);
    this.#run(envelope.callback, envelope.message);
  }

  /** The client has drained, the transport is gone or the end decided: goes on with a half-sent result or with a stream. */
  proceed(): void {
    if (this.#phase !== 'sending') return;
    if (this.#results.isWaiting) this.#applied(this.#results.proceed());
    else this.#pull(this.#stream!);
  }

  /** The end is decided: the call at hand is not answered any more. */
  endCall(): void {
    this.#results.endCall();
  }

  /** Gives the callback that runs `ms` more. */
  limit(ms: number, overrun: () => void): void {
    this.#suspended().limit(this.#owner.clock.after(ms, overrun));
  }

  /** Gives up the callback that runs, or what is left of its result: late results are ignored. */
  abandon(limit: number): void {
    if (this.#phase === 'running') reportOverrun(this.#connection, this.#callback, limit);
    const stream = this.#stream;
    this.#suspension?.giveUp();
    this.#finish();
    // Nobody waits for it any more; its `finally` runs as soon as it can.
    if (stream !== undefined) void closing(stream).catch(() => {});
  }

  /** Nothing is run any more. */
  retire(): void {
    this.#suspension?.end();
  }

  #run(callback: RunnableCallback, message: unknown): void {
    this.#phase = 'running';
    this.#runs++;
    this.#callback = callback;
    this.#message = message;
    this.#connection.runningMethod = undefined;
    let result: unknown;
    try {
      result = invoke(this.#connection, callback, message, this.#results.state);
    } catch (error) {
      return this.#fail(error);
    }
    this.#take(result);
  }

  /** What a callback returned: a result, a promise of one, or a stream of them. */
  #take(returned: unknown): void {
    if (Array.isArray(returned)) return this.#settle(returned);
    let isPending: boolean;
    try {
      isPending = isPromiseLike(returned);
    } catch (error) {
      return this.#fail(error);
    }
    if (isPending) {
      this.#limitInit();
      this.#await(returned as PromiseLike<unknown>, this.#take);
    } else if (isStream(returned)) {
      this.#stream = returned;
      this.#limitInit();
      this.#pull(returned);
    } else {
      this.#settle(returned);
    }
  }

  #await(promise: PromiseLike<unknown>, settled: Resume): void {
    this.#line.hold(true);
    this.#suspended().await(promise, settled, this.#fail);
  }

  #suspended(): Suspension {
    return (this.#suspension ??= new Suspension(
      this.#connection,
      this,
      this.#owner,
      this.#options.slowCallback,
    ));
  }

  /** Once: from its call to its first result. */
  #limitInit(): void {
    if (this.#callback !== 'init' || this.isInitialised || this.#suspension?.isLimited) return;
    const { upgradeTimeout } = this.#options;
    const method = this.#method();
    this.limit(upgradeTimeout, () => {
      this.abandon(upgradeTimeout);
      const message = `${method}() took longer than ${upgradeTimeout} ms`;
      this.#connection.endByHandler(crashed(new WebSockError('WEBSOCK_INIT_TIMEOUT', message)));
      this.#connection.goOn();
    });
  }

  // A stream of results

  /** Asks a stream for its next result, once the client has drained. Once the end is decided the stream is closed instead. */
  #pull(stream: ResultStream<unknown>): void {
    if (this.#connection.isEnding) return this.#closeStream(stream, this.#finish);
    if (this.#line.isPressured) {
      this.#phase = 'sending';
      return;
    }
    this.#phase = 'running';
    // One that never waits for anything would let nothing else of the process run.
    if (++this.#pulls % PULLS_PER_TURN === 0) this.#await(turn(), () => this.#pull(stream));
    else this.#ask(stream);
  }

  #ask(stream: ResultStream<unknown>): void {
    let step: PromiseLike<unknown>;
    try {
      step = stream.next();
    } catch (error) {
      this.#stream = undefined;
      return this.#fail(error);
    }
    this.#await(step, this.#step);
  }

  #step(step: IteratorResult<unknown> | undefined): void {
    if (typeof step !== 'object' || step === null) {
      this.#stream = undefined;
      return this.#fail(
        new TypeError(`next() of an async iterator must give an object, not ${String(step)}`),
      );
    }
    const { done, value } = step;
    if (done !== true) return this.#settle(value);
    this.#stream = undefined;
    // Of a stream that ended without a result nothing is to be applied; `init` must give a state.
    if (value === undefined && this.isInitialised) this.#finish();
    else this.#settle(value);
  }

  /** Ends a stream early: its `finally` runs before anything else of this connection does. */
  #closeStream(stream: ResultStream<unknown>, next: Resume, overrun?: () => void): void {
    this.#stream = undefined;
    this.#phase = 'running';
    const { terminateTimeout } = this.#options;
    this.limit(terminateTimeout, () => {
      this.abandon(terminateTimeout);
      overrun?.();
      this.#connection.goOn();
    });
    this.#await(closing(stream), (result) => {
      this.#suspension?.endLimits();
      next.call(this, result);
    });
  }

  // Its result

  #settle(result: unknown): void {
    let outcome: Outcome;
    try {
      // What a topic or a timer brings goes to many; what answers a client does not.
      const check = this.#callback === 'handleInfo' ? onceInATick : eachTime;
      outcome = checkResult(result, this.#options.codec, check);
    } catch (error) {
      const cause = { cause: (error as Error).cause };
      return this.#fail(
        error instanceof Fault ? new ResultError(this.#method(), error.message, cause) : error,
      );
    }
    this.#suspension?.endLimits();
    if (outcome.stop !== undefined) this.#connection.endByHandler(stopped(outcome.stop));
    this.#applied(this.#results.apply(outcome));
  }

  /** After a result, or as much of it as the client takes. */
  #applied(isApplied: boolean): void {
    if (!isApplied) this.#phase = 'sending';
    else if (this.#stream === undefined) this.#finish();
    else this.#pull(this.#stream);
  }

  /** Nothing is left of the callback. */
  #finish(): void {
    this.#results.finish();
    this.#message = undefined;
    this.#stream = undefined;
    this.#isRecovering = false;
    this.#phase = 'idle';
  }

  // Its failure

  /** The handler may make a result of a failure, once. */
  #fail(error: unknown): void {
    if (this.#stream !== undefined) {
      const [again, crash] = [() => this.#fail(error), () => this.#crash(error)];
      return this.#closeStream(this.#stream, again, crash);
    }
    const { recover } = this.#connection.handler;
    if (recover === undefined || this.#isRecovering || this.#isCancelled(error)) return this.#crash(error);
    this.#isRecovering = true;
    const failure = { callback: this.#callback, message: this.#message, state: this.state, error };
    let recovered: unknown;
    try {
      recovered = recover(failure, this.#connection);
    } catch (failed) {
      return this.#crash(failed);
    }
    const take = (result: unknown) => (result === undefined ? this.#crash(error) : this.#take(result));
    if (!isPromiseLike(recovered)) return take(recovered);
    this.#limitInit();
    this.#await(recovered, take);
  }

  #crash(error: unknown): void {
    this.#suspension?.endLimits();
    if (!this.#isCancelled(error)) reportError(this.#connection, this.#callback, error);
    this.#connection.endByHandler(crashed(error));
    this.#finish();
  }

  /** The work was called off because the connection ends, as `signal` asks. */
  #isCancelled(error: unknown): boolean {
    if (!this.#connection.isEnding) return false;
    return error === this.#connection.signal.reason || (error as Error | null)?.name === 'AbortError';
  }

  #method(): string {
    return methodName(this.#connection.handler, this.#callback, this.#connection.runningMethod);
  }
}

async function closing(stream: ResultStream<unknown>): Promise<void> {
  await stream.return?.(undefined);
}
