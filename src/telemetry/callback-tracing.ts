import { tracingChannel } from 'node:diagnostics_channel';
import type { ConnectionRef } from '../websock/connection.js';
import type { CallbackName } from '../websock/websock.js';
import type { TypedChannel } from './events.js';

/** Calls `fn`, and returns what it returns. */
export type Within = <T>(fn: () => T) => T;

/**
 * One run of one callback, from its call until it has settled: the same object on all channels of {@link callbackTracing}, so that a
 * subscriber may keep something of its own by it, in a `WeakMap`. Neither what the callback was called with nor what it returned.
 */
export interface CallbackTrace {
  /** Which app instance of this process. */
  readonly app: string;
  /** The connection's reference. */
  readonly ref: ConnectionRef;
  /** The handler's name. */
  readonly handler: string;
  /** What runs. */
  readonly callback: CallbackName;
  /** The method: `RoomHandler.say`. Where several serve the callback, known once one of them is chosen: at `end`, or later. */
  readonly method: string;
  /** It has not settled at `end`: `asyncStart` and `asyncEnd` follow when it does. */
  readonly isAsync: boolean;
  /** What it threw or rejected with; set where `error` is published. */
  readonly error?: unknown;
  /** For a subscriber of `start`: the callback, and each step of a generator, is called within `run`. */
  runWithin(run: Within): void;
}

/** Listeners of the five channels, each of which may be left out. */
export type CallbackTraceListeners = Partial<
  Record<'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error', (trace: CallbackTrace) => void>
>;

/** Node's `TracingChannel`, with the type of its messages. */
export interface CallbackTracing {
  /** Does anybody listen on any of them? */
  readonly hasSubscribers: boolean;
  /** Listens on several at once. */
  subscribe(listeners: CallbackTraceListeners): void;
  /** No longer does. False if one of them did not listen. */
  unsubscribe(listeners: CallbackTraceListeners): boolean | void;
  /** The callback is about to be called. */
  start: TypedChannel<CallbackTrace>;
  /** It has returned or thrown. */
  end: TypedChannel<CallbackTrace>;
  /** What it returned has settled: a promise, or a generator that has come to its end. */
  asyncStart: TypedChannel<CallbackTrace>;
  /** After `asyncStart`. */
  asyncEnd: TypedChannel<CallbackTrace>;
  /** It has thrown or rejected. */
  error: TypedChannel<CallbackTrace>;
}

/**
 * Node's tracing channels of all callbacks, `tracing:nestjs-websock.callback:start` and so on, in Node's own order: `start` and `end`
 * around the call; then, of a promise or a generator that has come to its end, `asyncStart` and `asyncEnd`; before that `error`,
 * of one that throws or rejects. A store bound to `start` is current in the callback and in all that it
 * continues, steps of a generator included. A callback that is given up has no `asyncEnd` until it settles.
 */
export const callbackTracing = tracingChannel('nestjs-websock.callback') as unknown as CallbackTracing;
