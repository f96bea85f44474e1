import { AsyncResource } from 'node:async_hooks';
import { callbackTracing, type CallbackTrace, type Within } from '../telemetry/callback-tracing.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { ResultStream } from '../websock/result.js';
import type { CallbackName } from '../websock/websock.js';
import { methodName } from './handler.js';
import { isPromiseLike, isStream } from './promise-like.js';
import type { Reporter } from './reports.js';

const { start, end, asyncStart, asyncEnd, error: failure } = callbackTracing;

/** Calls a callback and publishes its trace. Worth it only when `callbackTracing.hasSubscribers`. */
export function traceCallback(reporter: Reporter, callback: CallbackName, call: () => unknown): unknown {
  const run = new CallbackRun(reporter, callback);
  return start.runStores(run, () => run.call(call));
}

/** What is told of one run. What it returns is passed on as something that tells when it has settled. */
class CallbackRun implements CallbackTrace {
  readonly app: string;
  readonly ref: ConnectionRef;
  readonly handler: string;
  method: string;
  isAsync = false;
  error?: unknown;
  readonly #reporter: Reporter;
  #within: Within | undefined;
  #isNamed = false;

  constructor(
    reporter: Reporter,
    readonly callback: CallbackName,
  ) {
    this.app = reporter.app;
    this.ref = reporter.ref;
    this.handler = reporter.handler.name;
    this.method = methodName(reporter.handler, callback);
    this.#reporter = reporter;
  }

  runWithin(run: Within): void {
    const outer = this.#within;
    this.#within = outer === undefined ? run : (fn) => outer(() => run(fn));
  }

  call(call: () => unknown): unknown {
    const run = () => this.#follow(call());
    try {
      return this.#within === undefined ? run() : this.#within(run);
    } catch (error) {
      this.#publishError(error);
      throw error;
    } finally {
      this.#name();
      end.publish(this);
    }
  }

  /** What was asynchronous has settled. */
  settled(): void {
    this.#name();
    asyncStart.publish(this);
    asyncEnd.publish(this);
  }

  /** @throws what it failed with */
  failed(error: unknown): never {
    this.#name();
    this.#publishError(error);
    this.settled();
    throw error;
  }

  #follow(returned: unknown): unknown {
    if (isPromiseLike(returned)) {
      this.isAsync = true;
      return Promise.resolve(returned).then(
        (value) => this.#follow(value),
        (error) => this.failed(error),
      );
    }
    // What `terminate` returns is only waited for.
    if (this.callback !== 'terminate' && isStream(returned)) {
      this.isAsync = true;
      return new TracedStream(returned, this);
    }
    if (this.isAsync) this.settled();
    return returned;
  }

  #publishError(error: unknown): void {
    this.error = error;
    failure.publish(this);
  }

  /** The clauses of a handler are tried after `start`. */
  #name(): void {
    const { handler, runningMethod } = this.#reporter;
    if (this.#isNamed || runningMethod === undefined) return;
    this.#isNamed = true;
    this.method = methodName(handler, this.callback, runningMethod);
  }
}

/** A generator whose steps all run in the async context in which its callback was called. */
class TracedStream implements AsyncIterator<unknown, unknown, void> {
  readonly #stream: ResultStream<unknown>;
  readonly #run: CallbackRun;
  readonly #context = new AsyncResource('WebSockCallback');
  #isOver = false;

  constructor(stream: ResultStream<unknown>, run: CallbackRun) {
    this.#stream = stream;
    this.#run = run;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    return this.#step(() => this.#stream.next());
  }

  return(): Promise<IteratorResult<unknown, unknown>> {
    return this.#step(() => this.#stream.return?.(undefined) ?? { done: true, value: undefined });
  }

  #step(
    step: () => PromiseLike<IteratorResult<unknown, unknown>> | IteratorResult<unknown, unknown>,
  ): Promise<IteratorResult<unknown, unknown>> {
    return this.#context.runInAsyncScope(async () => {
      try {
        const result = await step();
        if (result.done === true) this.#end(() => this.#run.settled());
        return result;
      } catch (error) {
        this.#end(() => this.#run.failed(error));
        throw error;
      }
    });
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}
