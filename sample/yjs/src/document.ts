import { randomUUID } from 'node:crypto';
import { docs, getYDoc } from '@y/websocket-server/utils';
import { applyUpdate, encodeStateAsUpdate } from 'yjs';
import { Intake } from './intake.js';
import { MAX_DOCUMENT_BYTES } from './limits.js';

/** A document that somebody has open. */
export class Document {
  /** Its name in the library's map, which is one for all apps of the process. */
  readonly key = randomUUID();
  readonly shared = getYDoc(this.key);
  readonly intake = new Intake(this.shared, MAX_DOCUMENT_BYTES);
  readonly loaded: Promise<void>;
  visitors = 0;
  /** Whether it has changed since it was loaded or saved. */
  isChanged = false;
  /** When what was to be done after visitors have left is done. */
  settled = Promise.resolve();

  constructor(
    readonly name: string,
    stored: Promise<Uint8Array | undefined>,
  ) {
    this.loaded = stored.then((update) => this.fill(update));
  }

  /** As one update of an empty document. */
  get state(): Uint8Array {
    return encodeStateAsUpdate(this.shared);
  }

  destroy(): void {
    docs.delete(this.key);
    this.shared.destroy();
  }

  private fill(update?: Uint8Array): void {
    if (update !== undefined) applyUpdate(this.shared, update);
    this.shared.on('update', () => (this.isChanged = true));
  }
}
