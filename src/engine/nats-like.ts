/** A connection of `@nats-io/transport-node` (or another transport of NATS.js 3), or of `nats` 2. It is never closed. */
export interface NatsLike {
  /** Throws where the connection is closed. */
  publish(subject: string, payload?: Uint8Array): void;
  /** Brings it to the server again after each reconnect. */
  subscribe(
    subject: string,
    options?: { callback?: (error: any, message: any) => void },
  ): NatsSubscriptionLike;
  /** Resolves when the server has answered, and so has seen all that was sent before. */
  flush(): Promise<void>;
  /** `disconnect`, `reconnect`, `error` and others, until the connection is closed. */
  status(): AsyncIterable<NatsStatusLike>;
  /** Resolves when it is closed for good, with why. */
  closed(): Promise<unknown>;
  /** Whether it is. */
  isClosed(): boolean;
  /** What the server says of itself; undefined while there is none. */
  readonly info?: NatsInfoLike | undefined;
}

/** A subscription of NATS.js. */
export interface NatsSubscriptionLike {
  /** Ends it. */
  unsubscribe(): void;
}

/** Something has happened to a connection of NATS.js. */
export interface NatsStatusLike {
  /** What. */
  readonly type: string;
}

/** What is used of a NATS server's own account. */
export interface NatsInfoLike {
  /** The largest payload that it takes, bytes. */
  readonly max_payload: number;
}

const METHODS = ['publish', 'subscribe', 'flush', 'status', 'closed', 'isClosed'];

export function isNats(connection: unknown): connection is NatsLike {
  if (typeof connection !== 'object' || connection === null) return false;
  return METHODS.every((name) => typeof (connection as Record<string, unknown>)[name] === 'function');
}
