/** What an `ObservableSource` tells. */
export interface StreamObserver<T> {
  /** A value. */
  next(value: T): void;
  /** It has failed; nothing follows. */
  error(error: unknown): void;
  /** There are no more values; nothing follows. */
  complete(): void;
}

/** An Observable, of RxJS or of anybody else. */
export interface ObservableSource<T> {
  /** Starts to tell. */
  subscribe(observer: StreamObserver<T>): StreamSubscription;
  // Twice, because RxJS has two signatures: TypeScript pairs them from the last to find T.
  /** Starts to tell. */
  subscribe(observer: StreamObserver<T>): StreamSubscription;
}

/** What `subscribe` returns. */
export interface StreamSubscription {
  /** Tells nothing more, and lets go what it holds. */
  unsubscribe(): void;
}

/** What `connection.attach` takes: an Observable, an async generator or another async iterable, a Node or web stream. */
export type StreamSource<T> = ObservableSource<T> | AsyncIterable<T>;

/** Options of `connection.attach`. */
export interface AttachOptions {
  /** Names the stream in its `['done', name]` and `['error', name, error]`. Default `'stream'`. */
  name?: string;

  /**
   * What becomes of a value of an Observable that finds `maxMailbox` info messages waiting, and a callback running or the client
   * not draining:
   *
   * - `'close'`: the connection ends with 1013, as for any info. The default
   * - `'drop-newest'`: the value is dropped
   * - `'drop-oldest'`: the oldest waiting value of this stream is dropped for it; the value itself where none waits
   *
   * Dropped values are counted. What can be pulled waits instead, and drops nothing.
   */
  overflow?: Overflow;
}

/** What becomes of a value that does not fit. */
export type Overflow = 'close' | 'drop-oldest' | 'drop-newest';

/**
 * Releases an attached source at once. What of it still waits is not handled any more, and there is no `['done', name]`.
 * Does nothing the second time.
 */
export type CancelAttachment = () => void;
