import { setImmediate as turn } from 'node:timers/promises';
import { callbackTracing } from '../telemetry/callback-tracing.js';
import type { Connection } from '../websock/connection.js';
import { ResultError, WebSockError } from '../websock/errors.js';
import type { ControlMessage, DataMessage } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { ResultStream } from '../websock/result.js';
import type { PendingCall } from './call.js';
import { traceCallback } from './callback-trace.js';
import type { Cancel, Clock } from './clock.js';
import { crashed, stopped, type Ending } from './ending.js';
import { methodName, type RunnableCallback } from './handler.js';
import type { Envelope } from './inbox.js';
import { checkResult, eachTime, Fault, onceInATick, type Outcome, type Outgoing } from './outgoing.js';
import { isPromiseLike, isStream } from './promise-like.js';
import { reportError, reportOverrun, type Reporter } from './reports.js';

/** What running callbacks asks of the connection whose they are. */
export interface RunningConnection extends Connection, Reporter {
  /** The client must drain before anything more is sent. */
  readonly isPressured: boolean;
  /** The end is decided. */
  readonly isEnding: boolean;
  /** The method that runs, where the handler has several for a callback and says which. */
  runningMethod: string | undefined;
  /** Sends one message of a result. */
  deliver(message: Outgoing): void;
  /** The handler has decided the end: what waits is dropped. */
  endByHandler(ending: Ending): void;
  /** A callback did not settle at once. */
  callbackSuspended(): void;
  /** It has; the connection goes on. */
  callbackResumed(): void;
}

type Apply = (value: any) => void;

const PULLS_PER_TURN = 64;

/**
 * Runs a connection's callbacks, one at a time, and applies their results: check the whole of it, send each message, keep
 * the state. `terminate` is not among them: it belongs to the `Departure`.
 */
export class CallbackRunner {
  readonly #connection: RunningConnection;
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  /**
   * - `idle`: free for the next
   * - `running`: a callback has not settled
   * - `sending`: the client must drain before the rest of a result is sent, or the next of a stream is asked for
   */
  #phase: 'idle' | 'running' | 'sending' = 'idle';
  /** The callback that runs, or ran last, and what it was called with. */
  #callback: RunnableCallback = 'init';
  #message: unknown;
  #state: unknown;
  #isInitialised = false;
  #isRecovering = false;
  /** The call that the running `handleInfo` answers. */
  #call: PendingCall | undefined;
  /** The result being sent, and how many of its messages have left. */
  #outcome: Outcome | undefined;
  #sent = 0;
  /** The results of a callback that is an async generator. */
  #stream: ResultStream<unknown> | undefined;
  #pulls = 0;
  /** Bound the callback that runs. */
  #limits: Cancel[] | undefined;
  #runs = 0;
  #waits = 0;
  /** Counts what was abandoned: late settlements of an earlier one are ignored. */
  #abandoned = 0;

  constructor(connection: RunningConnection, options: ResolvedOptions, clock: Clock) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
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
    return this.#waits;
  }

  /** The callback that runs, or ran last. */
  get callback(): RunnableCallback {
    return this.#callback;
  }

  /** `init` has been applied: there is a state, and so a `terminate`. */
  get isInitialised(): boolean {
    return this.#isInitialised;
  }

  /** The newest applied state. */
  get state(): unknown {
    return this.#state;
  }

  /** Runs `init`, which bounds itself by `upgradeTimeout`. Without one the argument is the state. */
  init(argument: unknown): void {
    if (this.#connection.handler.websock.init !== undefined) return this.#run('init', argument);
    this.#state = argument;
    this.#isInitialised = true;
  }

  /** Runs the callback for one message; the handler has it. */
  run(envelope: Envelope): void {
    if (envelope.callback === 'handleInfo') this.#call = envelope.call;
    this.#run(envelope.callback, envelope.message);
  }

  /** The client has drained, the transport is gone or the end decided: goes on with a half-sent result or with a stream. */
  proceed(): void {
    if (this.#phase !== 'sending') return;
    if (this.#outcome !== undefined) this.#send(this.#outcome);
    else this.#pull(this.#stream!);
  }

  /** The end is decided: the call at hand is not answered any more. */
  endCall(): void {
    this.#call?.ended();
    this.#call = undefined;
  }

  /** Gives the callback that runs `ms` more. */
  limit(ms: number, overrun: () => void): void {
    (this.#limits ??= []).push(this.#clock.after(ms, overrun));
  }

  /** Gives up the callback that runs, or what is left of its result: late results are ignored. */
  abandon(limit: number): void {
    if (this.#phase === 'running') reportOverrun(this.#connection, this.#callback, limit);
    const stream = this.#stream;
    this.#abandoned++;
    this.#endLimits();
    this.#finish();
    // Nobody waits for it any more; its `finally` runs as soon as it can.
    if (stream !== undefined) void closing(stream).catch(() => {});
  }

  #run(callback: RunnableCallback, message: unknown): void {
    this.#phase = 'running';
    this.#runs++;
    this.#callback = callback;
    this.#message = message;
    this.#connection.runningMethod = undefined;
    let result: unknown;
    try {
      result = callbackTracing.hasSubscribers
        ? this.#trace(callback, message)
        : this.#invoke(callback, message);
    } catch (error) {
      return this.#fail(error);
    }
    this.#take(result);
  }

  #trace(callback: RunnableCallback, message: unknown): unknown {
    return traceCallback(this.#connection, callback, () => this.#invoke(callback, message));
  }

  #invoke(callback: RunnableCallback, message: unknown): unknown {
    const connection = this.#connection;
    const { websock } = connection.handler;
    switch (callback) {
      case 'handleIn':
        return websock.handleIn!(message as DataMessage, this.#state, connection);
      case 'handleInfo':
        return websock.handleInfo!(message, this.#state, connection);
      case 'handleControl':
        return websock.handleControl!(message as ControlMessage, this.#state, connection);
      case 'init':
        return websock.init!(message, connection);
    }
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

  #await(promise: PromiseLike<unknown>, apply: Apply): void {
    this.#waits++;
    this.#connection.callbackSuspended();
    const abandoned = this.#abandoned;
    Promise.resolve(promise).then(
      (value) => this.#resume(abandoned, apply, value),
      (error) => this.#resume(abandoned, this.#fail, error),
    );
  }

  /** Goes on after an asynchronous callback, unless it was abandoned meanwhile. */
  #resume(abandoned: number, apply: Apply, value: unknown): void {
    if (abandoned !== this.#abandoned) return;
    apply.call(this, value);
    this.#connection.callbackResumed();
  }

  /** Once: from its call to its first result. */
  #limitInit(): void {
    if (this.#callback !== 'init' || this.#isInitialised || this.#limits !== undefined) return;
    const { upgradeTimeout } = this.#options;
    const method = this.#method();
    this.limit(upgradeTimeout, () => {
      this.abandon(upgradeTimeout);
      const message = `${method}() took longer than ${upgradeTimeout} ms`;
      this.#connection.endByHandler(crashed(new WebSockError('WEBSOCK_INIT_TIMEOUT', message)));
      this.#connection.callbackResumed();
    });
  }

  // A stream of results

  /** Asks a stream for its next result, once the client has drained. Once the end is decided the stream is closed instead. */
  #pull(stream: ResultStream<unknown>): void {
    if (this.#connection.isEnding) return this.#closeStream(stream, this.#finish);
    if (this.#connection.isPressured) {
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
    if (value === undefined && this.#isInitialised) this.#finish();
    else this.#settle(value);
  }

  /** Ends a stream early: its `finally` runs before anything else of this connection does. */
  #closeStream(stream: ResultStream<unknown>, next: Apply, overrun?: () => void): void {
    this.#stream = undefined;
    this.#phase = 'running';
    const { terminateTimeout } = this.#options;
    this.limit(terminateTimeout, () => {
      this.abandon(terminateTimeout);
      overrun?.();
      this.#connection.callbackResumed();
    });
    this.#await(closing(stream), (result) => {
      this.#endLimits();
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
    this.#endLimits();
    if (outcome.stop !== undefined) this.#connection.endByHandler(stopped(outcome.stop));
    this.#sent = 0;
    this.#send(outcome);
  }

  /** Sends what is left of a result; stops where the client must drain first. */
  #send(outcome: Outcome): void {
    const { messages } = outcome;
    while (this.#sent < messages.length) {
      if (this.#connection.isPressured) {
        this.#phase = 'sending';
        this.#outcome = outcome;
        return;
      }
      this.#connection.deliver(messages[this.#sent++]!);
    }
    this.#applied(outcome);
  }

  #applied({ state, reply }: Outcome): void {
    this.#outcome = undefined;
    this.#state = state;
    this.#isInitialised = true;
    if (reply !== undefined && this.#call !== undefined) {
      this.#call.reply(reply.term);
      this.#call = undefined;
    }
    if (this.#stream === undefined) this.#finish();
    else this.#pull(this.#stream);
  }

  /** Nothing is left of the callback. */
  #finish(): void {
    this.#call?.noReply();
    this.#call = undefined;
    this.#message = undefined;
    this.#outcome = undefined;
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
    const failure = { callback: this.#callback, message: this.#message, state: this.#state, error };
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
    this.#endLimits();
    if (!this.#isCancelled(error)) reportError(this.#connection, this.#callback, error);
    this.#connection.endByHandler(crashed(error));
    this.#finish();
  }

  /** The work was called off because the connection ends, as `signal` asks. */
  #isCancelled(error: unknown): boolean {
    if (!this.#connection.isEnding) return false;
    return error === this.#connection.signal.reason || (error as Error | null)?.name === 'AbortError';
  }

  #endLimits(): void {
    if (this.#limits === undefined) return;
    for (const cancel of this.#limits) cancel();
    this.#limits = undefined;
  }

  #method(): string {
    return methodName(this.#connection.handler, this.#callback, this.#connection.runningMethod);
  }
}

async function closing(stream: ResultStream<unknown>): Promise<void> {
  await stream.return?.(undefined);
}
