import { telemetry, type ConnectionEvent } from '../telemetry/events.js';
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

export function reportStart(reporter: Reporter): void {
  if (telemetry.connectionStart.hasSubscribers) telemetry.connectionStart.publish(eventOf(reporter));
}

export function reportStop(
  reporter: Reporter,
  ending: Ending,
  droppedMessages: number,
  droppedInfo: number,
): void {
  if (!telemetry.connectionStop.hasSubscribers) return;
  const facts = factsOf(ending);
  telemetry.connectionStop.publish({
    ...eventOf(reporter),
    reason: ending.reason,
    facts,
    droppedMessages,
    droppedInfo,
  });
}

export function reportError(reporter: Reporter, callback: CallbackName, error: unknown): void {
  if (!telemetry.callbackError.hasSubscribers) return;
  const method = methodName(reporter.handler, callback, reporter.runningMethod);
  telemetry.callbackError.publish({ ...eventOf(reporter), method, error });
}

export function reportOverrun(reporter: Reporter, callback: CallbackName, limit: number): void {
  if (!telemetry.callbackOverrun.hasSubscribers) return;
  const method = methodName(reporter.handler, callback, reporter.runningMethod);
  telemetry.callbackOverrun.publish({ ...eventOf(reporter), method, limit });
}

export function reportDrop(reporter: Reporter, callback: CallbackName): void {
  if (telemetry.messageDropped.hasSubscribers) {
    telemetry.messageDropped.publish({ ...eventOf(reporter), callback });
  }
}

function eventOf({ app, ref, handler }: Reporter): ConnectionEvent {
  return { app, ref, handler: handler.name };
}
