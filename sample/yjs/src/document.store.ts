import { Injectable } from '@nestjs/common';
import { MAX_DOCUMENTS } from './limits.js';

/** Where documents are that nobody has open, each as one Yjs update. In a real app it is a table. */
@Injectable()
export class DocumentStore {
  private readonly updates = new Map<string, Uint8Array>();

  hasRoomFor(name: string): Promise<boolean> {
    return Promise.resolve(this.updates.has(name) || this.updates.size < MAX_DOCUMENTS);
  }

  load(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.updates.get(name));
  }

  save(name: string, update: Uint8Array): Promise<void> {
    this.updates.set(name, update);
    return Promise.resolve();
  }
}
