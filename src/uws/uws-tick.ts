/** Who has something to be flushed. */
interface Flushable {
  flush(): void;
}

/** Whose chunk uWS reads; stale at worst by what remains of the turn of the event loop. */
let reader: Flushable | undefined;
const waiting: Flushable[] = [];
let isScheduled = false;

/** Is it the last that uWS has read for in this turn? What it sends leaves in one write, with what else the chunk brings about. */
export function isReading(transport: Flushable): boolean {
  return reader === transport;
}

export function startReading(transport: Flushable): void {
  reader = transport;
  schedule();
}

/** Flushes when all that has come in is handled: uWS corks one socket at a time, and that is the one it reads. */
export function flushLater(transport: Flushable): void {
  waiting.push(transport);
  schedule();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  // libuv calls it right after all sockets that were readable.
  setImmediate(endTurn);
}

function endTurn(): void {
  isScheduled = false;
  reader = undefined;
  for (const transport of waiting.splice(0)) transport.flush();
}
