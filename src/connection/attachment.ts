import type { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import type { ObservableSource, Overflow, StreamSubscription } from '../websock/stream.js';
import type { Inbox, Turn } from './inbox.js';
import { Mailbox } from './mailbox.js';
import { reportError, type Reporter } from './reports.js';
import { openStream, type PulledStream } from './stream-source.js';

/** What attached streams ask of the connection that they feed. */
export interface FedConnection extends Reporter {
  /** The end is decided. */
  readonly isEnding: boolean;
  /** The waiting info is at its mark, and not being worked off: another message would end the connection. */
  readonly isOverloaded: boolean;
  receiveInfo(message: unknown): void;
  /** Queues a turn, and wakes the connection. */
  enqueue(turn: Turn): void;
}

/** What the attachments of one connection share. */
export interface Feed {
  readonly connection: FedConnection;
  readonly inbox: Inbox;
  readonly context: AsyncResource;
  /** Values of an iterable that wait, at most. */
  readonly window: number;
  /** It is over. */
  forget(attachment: Attachment): void;
}

/** How a value becomes a message. */
export interface Wording {
  readonly name: string;
  readonly map: ((value: any) => unknown) | undefined;
}

/**
 * A stream that feeds a connection. Its messages wait here; in the connection's queue each has its turn, so that a waiting one can
 * be dropped or replaced where it stands.
 */
export abstract class Attachment implements Turn {
  readonly callback = 'turn';
  abstract readonly isPulled: boolean;
  protected readonly feed: Feed;
  protected readonly waiting = new Mailbox<unknown>();
  /** Nothing more comes from the source. */
  protected isOver = false;
  readonly #wording: Wording;

  constructor(feed: Feed, wording: Wording) {
    this.feed = feed;
    this.#wording = wording;
  }

  /** Begins to take values. */
  abstract open(): void;

  /** Something may have left the queue. */
  abstract proceed(): void;

  /** Takes room for a message, or drops it. */
  protected abstract admit(message: unknown): void;

  /** Lets the source go; may throw, or return a promise that rejects. */
  protected abstract close(): unknown;

  take(): unknown {
    return this.waiting.shift();
  }

  /** Nobody wants any more of it: lets the source go, unless it has ended. What waits keeps its turn. */
  release(): void {
    if (this.isOver) return;
    this.#finish();
    this.letGo();
  }

  /** Releases it, and drops what waits. */
  detach(): void {
    this.release();
    this.waiting.clear();
    this.feed.inbox.remove(this);
  }

  protected receive(value: unknown): void {
    if (this.#isDeaf()) return;
    const { map } = this.#wording;
    let message = value;
    try {
      if (map !== undefined) message = this.feed.context.runInAsyncScope(map, undefined, value);
    } catch (error) {
      this.fail(error);
      return this.letGo();
    }
    // What map did may have been the end of it.
    if (!this.#isDeaf()) this.admit(message);
  }

  protected complete(): void {
    this.#last(['done', this.#wording.name]);
  }

  protected fail(error: unknown): void {
    this.#last(['error', this.#wording.name, error]);
  }

  protected enqueue(message: unknown): void {
    this.waiting.push(message);
    this.feed.connection.enqueue(this);
  }

  /** Between the decision to end and the release something may still come. */
  #isDeaf(): boolean {
    return this.isOver || this.feed.connection.isEnding;
  }

  #last(message: unknown): void {
    if (this.#isDeaf()) return;
    this.#finish();
    this.enqueue(message);
  }

  #finish(): void {
    this.isOver = true;
    this.feed.forget(this);
  }

  protected letGo(): void {
    const { connection, context } = this.feed;
    const close = async () => {
      try {
        await this.close();
      } catch (error) {
        // The work was called off, as `signal` asks.
        if ((error as Error | null)?.name === 'AbortError') return;
        const { app, ref, handler } = connection;
        reportError({ app, ref, handler, runningMethod: 'attach' }, 'handleInfo', error);
      }
    };
    void context.runInAsyncScope(close);
  }
}

/** A source that always has a value at hand must not keep the process from everything else. */
const PULLS_PER_TURN_OF_THE_LOOP = 64;

/** An async iterable: asked for one value at a time, and only while there is room for it. */
export class IterableAttachment extends Attachment {
  readonly isPulled = true;
  readonly #source: AsyncIterable<unknown>;
  #stream: PulledStream | undefined;
  #isPulling = false;
  #pulls = 0;

  constructor(feed: Feed, wording: Wording, source: AsyncIterable<unknown>) {
    super(feed, wording);
    this.#source = source;
  }

  open(): void {
    try {
      this.#stream = openStream(this.#source);
    } catch (error) {
      return this.fail(error);
    }
    this.proceed();
  }

  proceed(): void {
    if (!this.#isPulling && this.#hasRoom()) void this.#pull(this.#stream!);
  }

  protected admit(message: unknown): void {
    this.enqueue(message);
  }

  protected close(): unknown {
    return (this.#stream ??= openStream(this.#source)).release();
  }

  async #pull(stream: PulledStream): Promise<void> {
    this.#isPulling = true;
    try {
      while (this.#hasRoom()) {
        const { done, value } = await stream.next();
        if (done === true) this.complete();
        else this.receive(value);
        if (++this.#pulls % PULLS_PER_TURN_OF_THE_LOOP === 0) await setImmediate();
      }
    } catch (error) {
      this.fail(error);
    }
    this.#isPulling = false;
  }

  #hasRoom(): boolean {
    const { window, inbox } = this.feed;
    return !this.isOver && this.waiting.length < window && !inbox.isInfoFull;
  }
}

/** An Observable: its values come when they come. */
export class ObservableAttachment extends Attachment {
  readonly isPulled = false;
  readonly #source: ObservableSource<unknown>;
  readonly #overflow: Overflow;
  #subscription: StreamSubscription | undefined;

  constructor(feed: Feed, wording: Wording, source: ObservableSource<unknown>, overflow: Overflow) {
    super(feed, wording);
    this.#source = source;
    this.#overflow = overflow;
  }

  open(): void {
    try {
      this.#subscription = this.#source.subscribe({
        next: (value) => this.receive(value),
        error: (error) => this.fail(error),
        complete: () => this.complete(),
      });
    } catch (error) {
      this.fail(error);
    }
    // It was over before there was a subscription to end.
    if (this.isOver) this.letGo();
  }

  proceed(): void {}

  protected admit(message: unknown): void {
    const { connection, inbox } = this.feed;
    if (!connection.isOverloaded) return this.enqueue(message);
    if (this.#overflow === 'close') return connection.receiveInfo(message);
    inbox.droppedInfo++;
    if (this.#overflow === 'drop-newest' || this.waiting.length === 0) return;
    this.waiting.shift();
    this.waiting.push(message);
  }

  protected close(): void {
    this.#subscription?.unsubscribe();
  }
}
