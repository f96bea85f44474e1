import { EventEmitter, once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

export interface Entry {
  /** 1 for the first, then one more each time. */
  readonly id: number;
  readonly text: string;
}

/** Entries that are read at once. */
const PAGE = 10;

/** What has been written, in order. All instances of the app share one: in a real app it is a table, or a stream of a broker. */
@Injectable()
export class Journal {
  private readonly entries: Entry[] = [];
  private readonly appended = new EventEmitter().setMaxListeners(0);

  append(text: string): Entry {
    const entry = { id: this.entries.length + 1, text };
    this.entries.push(entry);
    this.appended.emit('entry');
    return entry;
  }

  /** The entries behind an id, then each new one, until the signal. None is missed: they are read by their place, events only wake. */
  async *after(id: number, signal: AbortSignal): AsyncGenerator<Entry> {
    for (let next = id; !signal.aborted;) {
      const page = this.entries.slice(next, next + PAGE);
      yield* page;
      next += page.length;
      // As long as it takes to read a page of a table: clients are written to meanwhile, and one that reads is not overrun.
      if (page.length > 0) await setImmediate();
      else await once(this.appended, 'entry', { signal }).catch(ignoreAbort);
    }
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
