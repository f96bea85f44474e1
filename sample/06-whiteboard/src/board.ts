import type { WSSharedDoc } from '@y/websocket-server/utils';
import { applyUpdate, encodeStateAsUpdate } from 'yjs';
import { Intake } from '../../yjs/src/intake.js';

/** A board that somebody is on. */
export class Board {
  readonly intake: Intake;

  /** @param stored what is on it */
  constructor(
    readonly shared: WSSharedDoc,
    maxBytes: number,
    stored?: Uint8Array,
  ) {
    if (stored !== undefined) applyUpdate(shared, stored);
    this.intake = new Intake(shared, maxBytes);
  }

  get people(): number {
    return this.shared.conns.size;
  }

  get isEmpty(): boolean {
    return this.shared.store.clients.size === 0;
  }

  /** As one update of an empty document. */
  get state(): Uint8Array {
    return encodeStateAsUpdate(this.shared);
  }
}
