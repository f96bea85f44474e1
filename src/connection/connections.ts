import type { CancelTimer, ConnectionRef } from '../websock/connection.js';
import { UnknownRefError } from '../websock/errors.js';
import { PendingCall } from './call.js';
import { checkDelay } from './info-timers.js';
import type { ConnectionRegistry } from './registry.js';

/** Options of `Connections.call`. */
export interface CallOptions {
  /** How long to wait for the reply, ms. Default 5 000; Infinity = no limit. */
  timeout?: number;
}

const CALL_TIMEOUT = 5_000;

/** The registry behind a `Connections`, for the floors above; undefined for a stand-in. No entry point exports it. */
export let registryOf: (connections: Connections) => ConnectionRegistry | undefined;

/** The app's connections, as the rest of the app sees them: by reference. */
export class Connections {
  readonly #registry: ConnectionRegistry;

  static {
    registryOf = (connections) => (#registry in connections ? connections.#registry : undefined);
  }

  /** @internal Inject it, or take `connections` of a `WebSockServer`. */
  constructor(registry: ConnectionRegistry) {
    this.#registry = registry;
  }

  /**
   * Sends a connection a message: its `handleInfo` gets it, later, in the connection's own async context (Elixir's `send/2`).
   * At most once; never throws for a dead connection. The message is handed over, not copied: treat it as immutable.
   */
  sendInfo(ref: ConnectionRef, message: unknown): void {
    this.#registry.find(ref)?.receiveInfo(message);
  }

  /**
   * The same after `ms` milliseconds (0 … 2 147 483 647). The timer dies with the connection (Elixir's `Process.send_after/3`).
   *
   * @throws RangeError for any other `ms`
   */
  sendInfoAfter(ref: ConnectionRef, ms: number, message: unknown): CancelTimer {
    checkDelay(ms);
    return this.#registry.find(ref)?.sendInfoAfter(ms, message) ?? (() => {});
  }

  /**
   * Sends a message and resolves with the `term` of the `reply` that its `handleInfo` returns (Elixir's `GenServer.call/3`).
   * A connection that calls itself waits for its own answer: it times out.
   *
   * Rejects with `NoReplyError` (handled with another result, or no `handleInfo`), `ConnectionEndedError` (its end was
   * decided first), `CallTimeoutError`, `UnknownRefError`; RangeError for a timeout that is none.
   */
  call(ref: ConnectionRef, message: unknown, { timeout = CALL_TIMEOUT }: CallOptions = {}): Promise<unknown> {
    if (!(timeout > 0))
      return Promise.reject(new RangeError(`call: timeout must be above 0 ms, not ${timeout}`));
    const connection = this.#registry.find(ref);
    if (connection === undefined) return Promise.reject(new UnknownRefError(ref));
    const call = new PendingCall(ref, timeout, this.#registry.clock);
    connection.receiveInfo(message, call);
    return call.promise;
  }

  /** The references of all live connections of this app instance, oldest first. */
  list(): ConnectionRef[] {
    return this.#registry.refs();
  }
}
