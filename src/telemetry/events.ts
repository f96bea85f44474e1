import { channel, type Channel } from 'node:diagnostics_channel';
import type { CloseFacts, CloseReason } from '../websock/close.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { ErrorCode } from '../websock/errors.js';
import type { CallbackName } from '../websock/websock.js';
import type { Traffic } from './traffic.js';

/** Common to all events. */
export interface TelemetryEvent {
  /** Which app instance of this process emitted it: what its references begin with. */
  readonly app: string;
}

/** An event of one connection. */
export interface ConnectionEvent extends TelemetryEvent {
  /** The connection's reference. */
  readonly ref: ConnectionRef;
  /** The handler's name. */
  readonly handler: string;
}

/** A connection is open, `init` is about to run. Published in the connection's async context, that of its upgrade. */
export interface ConnectionStart extends ConnectionEvent {
  /** The path of the upgrade request, without its query. */
  readonly path: string;
  /** The subprotocol, `''` when there is none. */
  readonly protocol: string;
  /** What the connection has received and sent when this is read: a live object, at last that of the stop event. */
  readonly traffic: Traffic;
}

/** Nothing is left of a connection. */
export interface ConnectionStop extends ConnectionEvent {
  /** As `terminate` got it. */
  readonly reason: CloseReason;
  /** The error where the reason is one: `['error', error]`; else `undefined`. */
  readonly error: unknown;
  /** The close code and reason, and who closed; as `terminate` got it. */
  readonly facts: CloseFacts;
  /** Since its start, ms. */
  readonly duration: number;
  /** What the connection received and sent in all. */
  readonly traffic: Traffic;
  /** Client messages that were never handled. */
  readonly droppedMessages: number;
  /** Info messages that were never handled. */
  readonly droppedInfo: number;
}

/** A callback threw, rejected or returned a bad result; or an exception filter threw, which was asked about that. */
export interface CallbackError extends ConnectionEvent {
  /** The method that ran: `RoomHandler.say`, of a filter `HttpErrorFilter.catch`. */
  readonly method: string;
  /** What it threw or rejected with, any value; a `ResultError` for a bad result. */
  readonly error: unknown;
}

/** A callback did not come back in the time it had; its result, should it come, is ignored. */
export interface CallbackOverrun extends ConnectionEvent {
  /** The method that runs: `RoomHandler.say`. */
  readonly method: string;
  /** The time it had, ms. */
  readonly limit: number;
}

/** An asynchronous callback has not settled for `slowCallback` ms. Once for each run; it goes on. */
export interface CallbackSlow extends ConnectionEvent {
  /** What it runs as. */
  readonly callback: CallbackName;
  /** The method that runs: `RoomHandler.say`. */
  readonly method: string;
  /** For how long it has not settled, at least, ms; of a generator, its present step. */
  readonly duration: number;
}

/** A message reached a handler that has no callback for it: the first on its connection; the stop event counts all. */
export interface MessageDropped extends ConnectionEvent {
  /** The one that is missing. */
  readonly callback: CallbackName;
}

/** An upgrade request was answered with anything but 101. */
export interface UpgradeRefused extends TelemetryEvent {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The error code when the refusal is ours, `undefined` when it is the app's. */
  readonly code: ErrorCode | undefined;
  /** Why, in words for a log. */
  readonly message: string;
}

/** The ws that is installed is not as expected: all reading is left to it, which is slower and otherwise the same. */
export interface FastPathClosed extends TelemetryEvent {
  /** What was not found in ws. */
  readonly reason: string;
}

/** The app shuts down: its connections are told. */
export interface DrainStart extends TelemetryEvent {
  /** How many there are. */
  readonly connections: number;
}

/** All connections are gone. */
export interface DrainStop extends TelemetryEvent {
  /** Connections that had to be cut off. */
  readonly destroyed: number;
  /** Info messages that came too late, in all. */
  readonly droppedInfo: number;
  /** How long it took, ms. */
  readonly duration: number;
}

/** A `diagnostics_channel` with the type of its events. */
export interface TypedChannel<E> extends Channel<unknown, E> {
  /** Calls the listeners, now. */
  publish(event: E): void;
  /** Calls `listener` for every event from now on. What it throws becomes an uncaught exception. */
  subscribe(listener: (event: E, name: string | symbol) => void): void;
  /** No longer calls it. */
  unsubscribe(listener: (event: E, name: string | symbol) => void): boolean;
}

function typed<E>(name: string): TypedChannel<E> {
  return channel(`nestjs-websock.${name}`) as TypedChannel<E>;
}

/** The channels, free when nobody listens: check `hasSubscribers` before building an event. */
export const telemetry = {
  /** `nestjs-websock.connection.start` */
  connectionStart: typed<ConnectionStart>('connection.start'),
  /** `nestjs-websock.connection.stop` */
  connectionStop: typed<ConnectionStop>('connection.stop'),
  /** `nestjs-websock.callback.error` */
  callbackError: typed<CallbackError>('callback.error'),
  /** `nestjs-websock.callback.overrun` */
  callbackOverrun: typed<CallbackOverrun>('callback.overrun'),
  /** `nestjs-websock.callback.slow` */
  callbackSlow: typed<CallbackSlow>('callback.slow'),
  /** `nestjs-websock.message.dropped` */
  messageDropped: typed<MessageDropped>('message.dropped'),
  /** `nestjs-websock.upgrade.refused` */
  upgradeRefused: typed<UpgradeRefused>('upgrade.refused'),
  /** `nestjs-websock.fast-path.closed` */
  fastPathClosed: typed<FastPathClosed>('fast-path.closed'),
  /** `nestjs-websock.drain.start` */
  drainStart: typed<DrainStart>('drain.start'),
  /** `nestjs-websock.drain.stop` */
  drainStop: typed<DrainStop>('drain.stop'),
} as const;
