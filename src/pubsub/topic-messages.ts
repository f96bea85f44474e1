import { telemetry } from '../telemetry/events.js';

/** How a service takes the messages of a topic one by one. */
export interface MessagesOptions {
  /** Ends the iteration, which does not throw, and drops what waits. */
  signal?: AbortSignal;
  /** Messages that wait for the service, at most; past it the oldest is dropped and counted. Default 1 000; Infinity = no limit. */
  highWaterMark?: number;
  /** Whether `['gap', topic]` comes when messages of other nodes may have been lost. Default false. */
  gaps?: boolean;
}

type Take<T> = (result: IteratorResult<T, undefined>) => void;

/**
 * The messages of a topic, as an async iterable. It is subscribed from the start: what comes before the first is asked for waits. It
 * ends by `return()` (leaving a `for await` loop calls it), by its signal, and when the app shuts down.
 */
export class TopicMessages<T = any> implements AsyncIterableIterator<T, undefined> {
  readonly #app: string;
  readonly #topic: string;
  readonly #highWaterMark: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (messages: TopicMessages) => void;
  readonly #waiting: T[] = [];
  readonly #takers: Take<T>[] = [];
  #dropped = 0;
  #isOver = false;

  /** @internal `PubSub.messages` makes them. */
  constructor(
    app: string,
    topic: string,
    { signal, highWaterMark = 1_000 }: MessagesOptions,
    onEnd: (messages: TopicMessages) => void,
  ) {
    this.#app = app;
    this.#topic = topic;
    this.#highWaterMark = checkMark(highWaterMark);
    this.#signal = checkSignal(signal);
    this.#onEnd = onEnd;
    if (signal?.aborted) this.#isOver = true;
    else signal?.addEventListener('abort', this.#abort);
  }

  /** Messages that were dropped because too many were waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @internal Nothing more comes. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next message; waits for it. Several may wait, and are served in order. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.length > 0) return Promise.resolve({ done: false, value: this.#waiting.shift()! });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Ends the subscription and drops what waits. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#abort();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal From the topic. */
  receiveInfo(message: unknown): void {
    const take = this.#takers.shift();
    if (take !== undefined) return take({ done: false, value: message as T });
    if (this.#waiting.length >= this.#highWaterMark) this.#drop();
    this.#waiting.push(message as T);
  }

  /** @internal Nothing more comes; what waits can still be taken. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#onEnd(this);
    for (const take of this.#takers.splice(0)) take({ done: true, value: undefined });
  }

  readonly #abort = (): void => {
    this.end();
    this.#waiting.length = 0;
  };

  #drop(): void {
    this.#waiting.shift();
    if (this.#dropped++ > 0 || !telemetry.listenerOverflow.hasSubscribers) return;
    const [app, topic, highWaterMark] = [this.#app, this.#topic, this.#highWaterMark];
    telemetry.listenerOverflow.publish({ app, topic, highWaterMark });
  }
}

function checkMark(mark: number): number {
  if (mark === Infinity || (Number.isSafeInteger(mark) && mark >= 1)) return mark;
  throw new RangeError(`messages: highWaterMark is a whole number above 0, or Infinity, not ${String(mark)}`);
}

function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || typeof signal?.addEventListener === 'function') return signal;
  throw new TypeError('messages: signal is an AbortSignal');
}
