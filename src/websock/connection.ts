import type { UpgradeRequest } from './request.js';

/**
 * Names a connection from anywhere in the app, as a pid does in Elixir: a short string, safe to log and to store.
 * It is an address, not a secret: never take it from a client as proof of anything.
 */
export type ConnectionRef = string;

/** Cancels a pending `sendInfoAfter`; does nothing once the message is on its way. */
export type CancelTimer = () => void;

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
}
