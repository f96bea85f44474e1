import { channel, type Channel } from 'node:diagnostics_channel';
import type { CloseFacts, CloseReason } from '../websock/close.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { ErrorCode } from '../websock/errors.js';
import type { CallbackName } from '../websock/websock.js';

/** Common to all events: which app instance of this process emitted it. */
export interface TelemetryEvent {
  readonly app: string;
}

/** An event of one connection. */
export interface ConnectionEvent extends TelemetryEvent {
  readonly ref: ConnectionRef;
  /** The handler's name. */
  readonly handler: string;
}

export type ConnectionStart = ConnectionEvent;

export interface ConnectionStop extends ConnectionEvent {
  readonly reason: CloseReason;
  readonly facts: CloseFacts;
  /** Client messages that were never handled. */
  readonly droppedMessages: number;
  /** Info messages that were never handled. */
  readonly droppedInfo: number;
}

/** A callback threw, rejected or returned a bad result. */
export interface CallbackError extends ConnectionEvent {
  /** The method that ran. */
  readonly method: string;
  readonly error: unknown;
}

/** A callback did not come back in the time it had; its result, should it come, is ignored. */
export interface CallbackOverrun extends ConnectionEvent {
  readonly method: string;
  /** The time it had, ms. */
  readonly limit: number;
}

/** A message reached a handler that has no callback for it: the first on its connection; the stop event counts all. */
export interface MessageDropped extends ConnectionEvent {
  readonly callback: CallbackName;
}

export interface UpgradeRefused extends TelemetryEvent {
  readonly status: number;
  /** The error code when the refusal is ours, `undefined` when it is the app's. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export interface DrainStart extends TelemetryEvent {
  readonly connections: number;
}

export interface DrainStop extends TelemetryEvent {
  /** Connections that had to be cut off. */
  readonly destroyed: number;
  /** Info messages that came too late, in all. */
  readonly droppedInfo: number;
  /** How long it took, ms. */
  readonly duration: number;
}

/** A `diagnostics_channel` with the type of its messages. */
interface TypedChannel<E> extends Channel {
  publish(event: E): void;
}

function typed<E>(name: string): TypedChannel<E> {
  return channel(`nestjs-websock.${name}`) as TypedChannel<E>;
}

/** The channels, free when nobody listens: check `hasSubscribers` before building an event. */
export const telemetry = {
  connectionStart: typed<ConnectionStart>('connection.start'),
  connectionStop: typed<ConnectionStop>('connection.stop'),
  callbackError: typed<CallbackError>('callback.error'),
  callbackOverrun: typed<CallbackOverrun>('callback.overrun'),
  messageDropped: typed<MessageDropped>('message.dropped'),
  upgradeRefused: typed<UpgradeRefused>('upgrade.refused'),
  drainStart: typed<DrainStart>('drain.start'),
  drainStop: typed<DrainStop>('drain.stop'),
} as const;
