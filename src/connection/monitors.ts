import { AsyncResource } from 'node:async_hooks';
import { telemetry } from '../telemetry/events.js';
import type { CloseReason } from '../websock/close.js';
import type { CancelMonitor, ConnectionRef } from '../websock/connection.js';

/** Told once that a connection has ended, with why. MUST only enqueue, and MUST NOT throw. */
export type Down = (reason: unknown) => void;

/** Watches a connection of any node. `down` may be called before it returns. */
export type Monitor = (ref: ConnectionRef, down: Down) => CancelMonitor;

export const NO_MONITOR: CancelMonitor = () => {};

/** Which other connections one connection watches. */
export class Monitors {
  readonly #monitor: Monitor;
  readonly #receiveInfo: (message: unknown) => void;
  readonly #all = new Map<Down, CancelMonitor>();

  constructor(monitor: Monitor, receiveInfo: (message: unknown) => void) {
    this.#monitor = monitor;
    this.#receiveInfo = receiveInfo;
  }

  add(ref: ConnectionRef): CancelMonitor {
    const down: Down = (reason) => {
      if (this.#all.delete(down)) this.#receiveInfo(['down', ref, reason]);
    };
    this.#all.set(down, NO_MONITOR);
    const cancel = this.#monitor(ref, down);
    if (this.#all.has(down)) this.#all.set(down, cancel);
    return () => {
      if (this.#all.delete(down)) cancel();
    };
  }

  /** The end of the one that watches is decided. */
  release(): void {
    const cancels = [...this.#all.values()];
    this.#all.clear();
    for (const cancel of cancels) cancel();
  }
}

/** Who watches one connection. */
export class Watchers {
  readonly #downs = new Set<Down>();

  add(down: Down): CancelMonitor {
    this.#downs.add(down);
    return () => this.#downs.delete(down);
  }

  /** Its `terminate` is done. */
  tell(reason: CloseReason): void {
    const told = downReason(reason);
    for (const down of this.#downs) down(told);
    this.#downs.clear();
  }
}

/** Watches a connection for a service: `listener` is called from a microtask, in the async context of this call. */
export function monitorFor(
  app: string,
  monitor: Monitor,
  ref: ConnectionRef,
  listener: (reason: unknown) => unknown,
): CancelMonitor {
  const context = new AsyncResource('WebSockMonitor');
  let isCancelled = false;
  const call = async (reason: unknown) => {
    try {
      // Not within the work of the connection that has ended.
      await undefined;
      if (!isCancelled) await listener(reason);
    } catch (error) {
      if (telemetry.listenerError.hasSubscribers)
        telemetry.listenerError.publish({ app, listener: 'monitor', topic: undefined, ref, error });
    }
  };
  const cancel = monitor(ref, (reason) => void context.runInAsyncScope(call, undefined, reason));
  return () => {
    isCancelled = true;
    cancel();
  };
}

/** @throws TypeError */
export function checkRef(ref: unknown): void {
  if (typeof ref !== 'string') throw new TypeError(`monitor: a reference is a string, not ${typeof ref}`);
}

/** The same on every node: errors do not travel, their messages do. */
function downReason(reason: CloseReason): CloseReason {
  if (typeof reason === 'string' || !(reason[1] instanceof Error)) return reason;
  return ['error', reason[1].message];
}
