import type { CancelMonitor, CancelTimer, ConnectionRef } from '../websock/connection.js';
import { UnknownRefError } from '../websock/errors.js';
import { PendingCall } from './call.js';
import { checkDelay } from './info-timers.js';
import { checkRef, monitorFor } from './monitors.js';
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
   * Sends a connection of any node a message: its `handleInfo` gets it, later, in the connection's own async context (Elixir's
   * `send/2`). At most once; never throws for a dead connection or node. Here the message is handed over, not copied: treat it as immutable.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE` when it is for another node and cannot be encoded
   */
  sendInfo(ref: ConnectionRef, message: unknown): void {
    const connection = this.#registry.find(ref);
    if (connection !== undefined) connection.receiveInfo(message);
    else this.#registry.elsewhereOf(ref)?.sendInfo(ref, message);
  }

  /**
   * The same after `ms` milliseconds (0 … 2 147 483 647). The timer dies with the connection (Elixir's `Process.send_after/3`). For a
   * connection of another node it runs here, with the message as it is now.
   *
   * @throws RangeError for any other `ms`; WebSockError as `sendInfo`
   */
  sendInfoAfter(ref: ConnectionRef, ms: number, message: unknown): CancelTimer {
    checkDelay(ms);
    const connection = this.#registry.find(ref);
    if (connection !== undefined) return connection.sendInfoAfter(ms, message);
    return this.#registry.elsewhereOf(ref)?.sendInfoAfter(ref, ms, message) ?? (() => {});
  }

  /**
   * Sends a message and resolves with the `term` of the `reply` that its `handleInfo` returns (Elixir's `GenServer.call/3`).
   * A connection that calls itself waits for its own answer: it times out.
   *
   * Rejects with `NoReplyError` (handled with another result, or no `handleInfo`), `ConnectionEndedError` (its end was
   * decided first, or its node has gone), `CallTimeoutError`, `UnknownRefError`; RangeError for a timeout that is none; WebSockError
   * `WEBSOCK_INFO_ENCODE`, as `sendInfo` throws it.
   */
  call(ref: ConnectionRef, message: unknown, { timeout = CALL_TIMEOUT }: CallOptions = {}): Promise<unknown> {
    if (!(timeout > 0))
      return Promise.reject(new RangeError(`call: timeout must be above 0 ms, not ${timeout}`));
    const connection = this.#registry.find(ref);
    if (connection === undefined) return this.#callElsewhere(ref, message, timeout);
    const call = new PendingCall(ref, timeout, this.#registry.clock);
    connection.receiveInfo(message, call);
    return call.promise;
  }

  /**
   * Watches a connection of any node (Elixir's `Process.monitor/1`): calls `down` once, with the reason, when it has ended and its
   * `terminate` is done; soon, with `'noproc'`, when there is none; with `'noconnection'` when its node has gone. The reason is the one that
   * `terminate` got, an error as its message. `down` is called from a microtask, in the async context of this call; what it throws or
   * rejects with is reported (telemetry `listener.error`, the log). Returns how to stop.
   *
   * @throws TypeError for a reference that is no string, and for a `down` that is no function
   */
  monitor(ref: ConnectionRef, down: (reason: unknown) => unknown): CancelMonitor {
    checkRef(ref);
    if (typeof down !== 'function') throw new TypeError(`monitor: down is a function, not ${typeof down}`);
    return monitorFor(this.#registry.app, this.#registry.monitor, ref, down);
  }

  /** The references of all live connections of this app instance, oldest first. */
  list(): ConnectionRef[] {
    return this.#registry.refs();
  }

  #callElsewhere(ref: ConnectionRef, message: unknown, timeout: number): Promise<unknown> {
    const elsewhere = this.#registry.elsewhereOf(ref);
    return elsewhere?.call(ref, message, timeout) ?? Promise.reject(new UnknownRefError(ref));
  }
}
