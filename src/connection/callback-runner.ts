import type { Connection } from '../websock/connection.js';
import { ResultError, WebSockError } from '../websock/errors.js';
import type { ControlMessage, DataMessage } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { CallbackName } from '../websock/websock.js';
import type { PendingCall } from './call.js';
import type { Cancel, Clock } from './clock.js';
import { crashed, stopped, type Ending } from './ending.js';
import { methodName } from './handler.js';
import type { Envelope } from './inbox.js';
import { checkResult, Fault, type Outcome, type Outgoing } from './outgoing.js';
import { isPromiseLike } from './promise-like.js';
import { reportError, reportOverrun, type Reporter } from './reports.js';

/** What running callbacks asks of the connection whose they are. */
export interface RunningConnection extends Connection, Reporter {
  /** The client must drain before anything more is sent. */
  readonly isPressured: boolean;
  /** Sends one message of a result. */
  deliver(message: Outgoing): void;
  /** The handler has decided the end: what waits is dropped. */
  endByHandler(ending: Ending): void;
  /** A callback did not settle at once. */
  callbackSuspended(): void;
  /** It has; the connection goes on. */
  callbackResumed(): void;
}

type RunnableCallback = Exclude<CallbackName, 'terminate'>;

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
   * - `sending`: a result is half sent, the client must drain
   */
  #phase: 'idle' | 'running' | 'sending' = 'idle';
  /** The callback that runs, or ran last. */
  #callback: RunnableCallback = 'init';
  #state: unknown;
  #isInitialised = false;
  /** The call that the running `handleInfo` answers. */
  #call: PendingCall | undefined;
  /** The result being sent, and how many of its messages have left. */
  #outcome: Outcome | undefined;
  #sent = 0;
  /** Bound the callback that runs. */
  #limits: Cancel[] = [];

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

  /** The client has drained, or the transport is gone: goes on with a half-sent result. */
  proceed(): void {
    if (this.#phase === 'sending') this.#send(this.#outcome!);
  }

  /** The end is decided: the call at hand is not answered any more. */
  endCall(): void {
    this.#call?.ended();
    this.#call = undefined;
  }

  /** Gives the callback that runs `ms` more. */
  limit(ms: number, overrun: () => void): void {
    this.#limits.push(this.#clock.after(ms, overrun));
  }

  /** Gives up the callback that runs, or what is left of its result: late results are ignored. */
  abandon(limit: number): void {
    if (this.#phase === 'running') reportOverrun(this.#connection, this.#callback, limit);
    this.#endLimits();
    this.#outcome = undefined;
    this.#phase = 'idle';
  }

  #run(callback: RunnableCallback, message: unknown): void {
    this.#phase = 'running';
    this.#callback = callback;
    let result: unknown;
    let isPending: boolean;
    try {
      result = this.#invoke(callback, message);
      isPending = isPromiseLike(result);
    } catch (error) {
      return this.#crash(error);
    }
    if (isPending) this.#await(result as PromiseLike<unknown>);
    else this.#settle(result);
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

  #await(promise: PromiseLike<unknown>): void {
    this.#connection.callbackSuspended();
    if (this.#callback === 'init') this.#limitInit();
    Promise.resolve(promise).then(
      (result) => this.#resume(this.#settle, result),
      (error) => this.#resume(this.#crash, error),
    );
  }

  #limitInit(): void {
    const { upgradeTimeout } = this.#options;
    const method = this.#method();
    this.limit(upgradeTimeout, () => {
      this.abandon(upgradeTimeout);
      const message = `${method}() took longer than ${upgradeTimeout} ms`;
      this.#connection.endByHandler(crashed(new WebSockError('WEBSOCK_INIT_TIMEOUT', message)));
      this.#connection.callbackResumed();
    });
  }

  /** Goes on after an asynchronous callback, unless it was abandoned meanwhile. */
  #resume(apply: (value: unknown) => void, value: unknown): void {
    if (this.#phase !== 'running') return;
    apply.call(this, value);
    this.#connection.callbackResumed();
  }

  #settle(result: unknown): void {
    let outcome: Outcome;
    try {
      outcome = checkResult(result);
    } catch (error) {
      return this.#crash(error instanceof Fault ? new ResultError(this.#method(), error.message) : error);
    }
    this.#endLimits();
    if (outcome.stop !== undefined) this.#connection.endByHandler(stopped(outcome.stop));
    this.#outcome = outcome;
    this.#sent = 0;
    this.#send(outcome);
  }

  /** Sends what is left of a result; stops where the client must drain first. */
  #send(outcome: Outcome): void {
    const { messages } = outcome;
    while (this.#sent < messages.length) {
      if (this.#connection.isPressured) {
        this.#phase = 'sending';
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
    this.#phase = 'idle';
    if (this.#call === undefined) return;
    if (reply === undefined) this.#call.noReply();
    else this.#call.reply(reply.term);
    this.#call = undefined;
  }

  #crash(error: unknown): void {
    this.#endLimits();
    reportError(this.#connection, this.#callback, error);
    this.#connection.endByHandler(crashed(error));
    this.#phase = 'idle';
  }

  #endLimits(): void {
    for (const cancel of this.#limits) cancel();
    this.#limits.length = 0;
  }

  #method(): string {
    return methodName(this.#connection.handler, this.#callback);
  }
}
