import { telemetry, type ConnectionEvent, type ConnectionStart } from '../telemetry/events.js';
import type { Traffic } from '../telemetry/traffic.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { CallbackName } from '../websock/websock.js';
import { factsOf, type Ending } from './ending.js';
import { methodName, type Handler } from './handler.js';

/** Whose report it is. */
export interface Reporter {
  readonly app: string;
  readonly ref: string;
  readonly handler: Handler;
  /** The method that runs, where the handler has several for a callback and says which. */
  readonly runningMethod: string | undefined;
}

/** A connection, as the events of its start and stop tell of it. */
export interface ReportedConnection extends Reporter {
  readonly request: UpgradeRequest;
  readonly traffic: Traffic;
}

export function reportStart(connection: ReportedConnection): void {
  if (telemetry.connectionStart.hasSubscribers) telemetry.connectionStart.publish(new Started(connection));
}

/** A class, because of the getter: in an object literal it would be a new function, and a new shape, for every connection. */
class Started implements ConnectionStart {
  readonly app: string;
  readonly ref: string;
  readonly handler: string;
  readonly path: string;
  readonly protocol: string;
  readonly #connection: ReportedConnection;

  constructor(connection: ReportedConnection) {
    this.app = connection.app;
    this.ref = connection.ref;
    this.handler = connection.handler.name;
    this.path = connection.request.path;
    this.protocol = connection.request.protocol;
    this.#connection = connection;
  }

  get traffic(): Traffic {
    return this.#connection.traffic;
  }
}

/** How a connection has ended. */
export interface Stopped {
  readonly ending: Ending;
  /** Since its start, ms. */
  readonly duration: number;
  readonly droppedMessages: number;
  readonly droppedInfo: number;
}

export function reportStop(connection: ReportedConnection, stopped: Stopped): void {
  if (!telemetry.connectionStop.hasSubscribers) return;
  const { app, ref, handler, traffic } = connection;
  const { ending, duration, droppedMessages, droppedInfo } = stopped;
  const { reason } = ending;
  // Each by name: spread objects cost microseconds, and every connection stops.
  telemetry.connectionStop.publish({
    app,
    ref,
    handler: handler.name,
    reason,
    error: Array.isArray(reason) ? reason[1] : undefined,
    facts: factsOf(ending),
    duration,
    droppedMessages,
    droppedInfo,
    traffic,
  });
}

export function reportError(reporter: Reporter, callback: CallbackName, error: unknown): void {
  if (!telemetry.callbackError.hasSubscribers) return;
  const method = methodName(reporter.handler, callback, reporter.runningMethod);
  telemetry.callbackError.publish({ ...eventOf(reporter), method, error });
}

/** The error of a callback came to a filter, and the filter threw another. `filter`: `HttpErrorFilter.catch` */
export function reportFilterError(reporter: Reporter, filter: string, error: unknown): void {
  if (telemetry.callbackError.hasSubscribers)
    telemetry.callbackError.publish({ ...eventOf(reporter), method: filter, error });
}

export function reportOverrun(reporter: Reporter, callback: CallbackName, limit: number): void {
  if (!telemetry.callbackOverrun.hasSubscribers) return;
  const method = methodName(reporter.handler, callback, reporter.runningMethod);
  telemetry.callbackOverrun.publish({ ...eventOf(reporter), method, limit });
}

export function reportSlow(reporter: Reporter, callback: CallbackName, duration: number): void {
  if (!telemetry.callbackSlow.hasSubscribers) return;
  const method = methodName(reporter.handler, callback, reporter.runningMethod);
  telemetry.callbackSlow.publish({ ...eventOf(reporter), callback, method, duration });
}

export function reportDrop(reporter: Reporter, callback: CallbackName): void {
  if (telemetry.messageDropped.hasSubscribers) {
    telemetry.messageDropped.publish({ ...eventOf(reporter), callback });
  }
}

function eventOf({ app, ref, handler }: Reporter): ConnectionEvent {
  return { app, ref, handler: handler.name };
}
