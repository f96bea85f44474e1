import { channel, type Channel } from 'node:diagnostics_channel';
import type { CloseFacts, CloseReason } from '../websock/close.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { EngineError, EngineStage, ErrorCode } from '../websock/errors.js';
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

/**
 * A function that listens threw or rejected: a service's to a topic or to a monitor; or a fastlane function threw or made a message
 * that cannot be sent. Once for each message and function.
 */
export interface ListenerError extends TelemetryEvent {
  /** What the function does: takes the messages of a topic, makes the client's of them, or takes the end of a connection. */
  readonly listener: 'topic' | 'fastlane' | 'monitor';
  /** The topic; of a monitor `undefined`. */
  readonly topic: string | undefined;
  /** Of a monitor, which connection it watches; else `undefined`. */
  readonly ref: ConnectionRef | undefined;
  /** What it threw or rejected with, any value. */
  readonly error: unknown;
}

/** A service takes the messages of a topic too slowly: some were dropped. The first time on each of its iterables. */
export interface ListenerOverflow extends TelemetryEvent {
  /** Which topic it reads. */
  readonly topic: string;
  /** How many messages wait, at most. */
  readonly highWaterMark: number;
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

/** The engine or its broker failed, or something came from there that cannot be read. */
export interface EngineFailure extends TelemetryEvent {
  /** What the engine is called: `redis`. */
  readonly engine: string;
  /** What it was at. */
  readonly stage: EngineStage;
  /** What failed; its `cause` is what the client or the codec threw. */
  readonly error: EngineError;
  /** Messages that this concerns: those that were not published, or not read. */
  readonly messages: number;
}

/** The broker is away. Local delivery goes on. */
export interface EngineLost extends TelemetryEvent {
  /** What the engine is called: `redis`. */
  readonly engine: string;
  /** Why, as the client said it. */
  readonly error: unknown;
}

/** The broker is back, with all subscriptions. */
export interface EngineRestored extends TelemetryEvent {
  /** What the engine is called: `redis`. */
  readonly engine: string;
  /** For how long it was away, ms. */
  readonly duration: number;
}

/** Another node of the cluster is there. */
export interface NodeUp extends TelemetryEvent {
  /** Its name. */
  readonly node: string;
}

/** Another node is gone. */
export interface NodeDown extends TelemetryEvent {
  /** Its name. */
  readonly node: string;
  /** `'bye'`: it has stopped; `'silent'`: nothing was heard of it for `nodeTimeout`. */
  readonly reason: 'bye' | 'silent';
}

/** Messages of another node that did not arrive here. */
export interface TopicGap extends TelemetryEvent {
  /** What they were published on. */
  readonly topic: string;
  /** Who published them. */
  readonly node: string;
  /** How many. */
  readonly lost: number;
}

/** An info message to a connection of another node that nobody has heard of, or that could not be published. */
export interface InfoLost extends TelemetryEvent {
  /** Whom it was for. */
  readonly ref: ConnectionRef;
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
  /** `nestjs-websock.listener.error` */
  listenerError: typed<ListenerError>('listener.error'),
  /** `nestjs-websock.listener.overflow` */
  listenerOverflow: typed<ListenerOverflow>('listener.overflow'),
  /** `nestjs-websock.upgrade.refused` */
  upgradeRefused: typed<UpgradeRefused>('upgrade.refused'),
  /** `nestjs-websock.fast-path.closed` */
  fastPathClosed: typed<FastPathClosed>('fast-path.closed'),
  /** `nestjs-websock.drain.start` */
  drainStart: typed<DrainStart>('drain.start'),
  /** `nestjs-websock.drain.stop` */
  drainStop: typed<DrainStop>('drain.stop'),
  /** `nestjs-websock.engine.error` */
  engineError: typed<EngineFailure>('engine.error'),
  /** `nestjs-websock.engine.lost` */
  engineLost: typed<EngineLost>('engine.lost'),
  /** `nestjs-websock.engine.restored` */
  engineRestored: typed<EngineRestored>('engine.restored'),
  /** `nestjs-websock.node.up` */
  nodeUp: typed<NodeUp>('node.up'),
  /** `nestjs-websock.node.down` */
  nodeDown: typed<NodeDown>('node.down'),
  /** `nestjs-websock.pubsub.gap` */
  pubsubGap: typed<TopicGap>('pubsub.gap'),
  /** `nestjs-websock.info.lost` */
  infoLost: typed<InfoLost>('info.lost'),
} as const;
