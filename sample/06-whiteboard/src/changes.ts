import type { WSSharedDoc } from '@y/websocket-server/utils';
import { decodeUpdate, encodeStateAsUpdate } from 'yjs';

/** Of values within values. */
const MAX_LEVELS = 100;
/** Bytes that wait for what they are based on: with each message Yjs puts all of them together anew. */
const MAX_WAITING = 50_000;

/** What the library takes of changes without looking: how much, how deep, and based on what. */
export class Changes {
  private weight = 0;
  /** Bytes since it was weighed. */
  private unweighed = Infinity;

  constructor(
    private readonly shared: WSSharedDoc,
    private readonly maxBytes: number,
  ) {}

  hasRoomFor(bytes: number): boolean {
    this.unweighed += bytes;
    // What was deleted weighs nothing. Weighing takes long, so it has to do for a while.
    if (!this.isWithin() && this.unweighed > this.maxBytes / 10) {
      this.weight = encodeStateAsUpdate(this.shared).length;
      this.unweighed = bytes;
    }
    return this.isWithin();
  }

  /** What is nested deeply can be read, but not written again: nobody would get the document any more. */
  isShallow(update: Uint8Array): boolean {
    return decodeUpdate(update).structs.every(
      (struct) => !('content' in struct) || isShallow(valuesOf(struct.content), MAX_LEVELS),
    );
  }

  /**
   * Drops changes whose base does not come, and says whether it had to. Some wait for a moment where a client edits while it connects:
   * those come once more, with all that the client has.
   */
  dropStranded(): boolean {
    const { store } = this.shared;
    const bytes = (store.pendingStructs?.update.length ?? 0) + (store.pendingDs?.length ?? 0);
    if (bytes <= MAX_WAITING) return false;
    store.pendingStructs = store.pendingDs = null;
    return true;
  }

  private isWithin(): boolean {
    return this.weight + this.unweighed <= this.maxBytes;
  }
}

/** What a client can put there of its own, in whichever kind of content of Yjs. */
function valuesOf(content: object): unknown[] {
  const { arr, embed, value, opts } = content as Record<string, unknown>;
  return [arr, embed, value, opts];
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
