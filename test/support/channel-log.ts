import { callbackTracing, type CallbackTrace } from '../../src/telemetry/callback-tracing.js';
import type { TypedChannel } from '../../src/telemetry/events.js';

const undo: (() => void)[] = [];

/** What a channel publishes from now on, until `unsubscribeAll()`. */
export function eventsOf<E>(channel: TypedChannel<E>): E[] {
  const events: E[] = [];
  const note = (event: E) => events.push(event);
  channel.subscribe(note);
  undo.push(() => channel.unsubscribe(note));
  return events;
}

/** The traces of callbacks, as `step callback`. */
export function tracesOf(tell: (step: string, trace: CallbackTrace) => string): string[] {
  const lines: string[] = [];
  const note = (step: string) => (trace: CallbackTrace) => void lines.push(tell(step, trace));
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  callbackTracing.subscribe(subscribers);
  undo.push(() => callbackTracing.unsubscribe(subscribers));
  return lines;
}

/** For `afterEach`. */
export function unsubscribeAll(): void {
  for (const unsubscribe of undo.splice(0)) unsubscribe();
}
