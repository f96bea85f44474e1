/** Something that gathers what leaves when the tick is over. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];
let isWithin = false;

/** Flushes `flushable` when the tick is over, or what runs `within` before. One callback serves all that wait for it. */
export function flushSoon(flushable: Flushable): void {
  if (waiting.push(flushable) === 1 && !isWithin) process.nextTick(flushAll);
}

/** Calls `read` with a chunk, and flushes at once what that leads to: one callback less for what is answered at once. */
export function flushAfter<T>(reader: { read(chunk: T): void }, chunk: T): void {
  isWithin = true;
  try {
    reader.read(chunk);
  } finally {
    isWithin = false;
    flushAll();
  }
}

function flushAll(): void {
  if (waiting.length === 0) return;
  const flushables = waiting;
  waiting = [];
  for (const flushable of flushables) flushable.flush();
}
