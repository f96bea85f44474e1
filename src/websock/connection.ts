import type { UpgradeRequest } from './request.js';
import type { AttachOptions, CancelAttachment, StreamSource } from './stream.js';
import type { SubscribeOptions } from './topic.js';

/**
 * Names a connection from anywhere in the app, as a pid does in Elixir: a short string, safe to log and to store.
 * It is an address, not a secret: never take it from a client as proof of anything.
 */
export type ConnectionRef = string;

/** Cancels a pending `sendInfoAfter`; does nothing once the message is on its way. */
export type CancelTimer = () => void;

/** Ends a monitor; does nothing once its info is on its way. */
export type CancelMonitor = () => void;

/** A connection as seen from inside its callbacks: always their last argument. */
export abstract class Connection {
  /** Its address, for `Connections.sendInfo` and `call`. Dead as soon as the end of the connection is decided. */
  abstract readonly ref: ConnectionRef;

  /** The facts of the upgrade request. */
  abstract readonly request: UpgradeRequest;

  /** Bytes handed to the connection that the kernel has not taken yet. */
  abstract readonly bufferedAmount: number;

  /**
   * Aborts when the end of the connection is decided, a callback still running or not: pass it to `fetch` and the like.
   * While reading is paused a client's departure is noticed late.
   */
  abstract readonly signal: AbortSignal;

  /** Sends this connection a message: `handleInfo` gets it after the current callback. Never throws for a dead connection. */
  abstract sendInfo(message: unknown): void;

  /**
   * The same, after `ms` milliseconds (0 … 2 147 483 647). The timer dies with the connection.
   *
   * @throws RangeError for any other `ms`
   */
  abstract sendInfoAfter(ms: number, message: unknown): CancelTimer;

  /**
   * Subscribes this connection to a topic: `handleInfo` gets what is broadcast to it from now on, in order per sender (Phoenix's
   * `subscribe/2`). Subscribed twice it is subscribed once, with the newer options. It ends with the connection.
   *
   * @throws TypeError for a topic that is no string, or an empty one, and for a bad option
   */
  abstract subscribe<T>(topic: string, options?: SubscribeOptions<T>): void;

  /** Ends a subscription; what is waiting in the mailbox stays there. */
  abstract unsubscribe(topic: string): void;

  /**
   * Watches another connection, on any node: `handleInfo` gets `['down', ref, reason]` once, when it has ended and its `terminate` is
   * done; at once when there is none (Elixir's `Process.monitor/1`). The monitor ends with this connection, or by the function returned.
   */
  abstract monitor(ref: ConnectionRef): CancelMonitor;

  /**
   * Feeds a stream into this connection: `handleInfo` gets each value, or what `map` makes of it, in order, among the other messages.
   * It gets `['done', name]` when the source has completed, `['error', name, error]` when the source has failed or `map` has thrown.
   *
   * An async iterable, Node streams and web streams among them, is asked for its next value while fewer than 16 of its values (or
   * `maxMailbox`, if that is less) and fewer than `maxMailbox` other info messages wait: it goes as fast as the handler and the
   * client. An Observable cannot be held back: past `maxMailbox` the option `overflow` decides.
   *
   * The source is released as soon as the end of the connection is decided, or by the function returned: `unsubscribe()`, `return()`
   * of an iterator, `destroy()` of a Node stream, `cancel()` of a web stream. Attached to a connection that ends, it is released at
   * once. What fails there is logged.
   *
   * @throws TypeError for a source that is none of these, a `map` that is no function and a bad option
   */
  abstract attach<T>(
    source: StreamSource<T>,
    map?: (value: T) => unknown,
    options?: AttachOptions,
  ): CancelAttachment;
}
