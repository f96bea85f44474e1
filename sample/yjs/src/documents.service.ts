import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Document } from './document.js';
import { DocumentStore } from './document.store.js';
import { MAX_OPEN, MAX_VISITORS } from './limits.js';

/**
 * The documents that somebody has open. The library on its own keeps every document for ever; here one leaves memory when its last
 * visitor has left and the store has it.
 */
@Injectable()
export class DocumentsService implements OnModuleDestroy {
  private readonly logger = new Logger(DocumentsService.name);
  private readonly opened = new Map<string, Document>();

  constructor(private readonly store: DocumentStore) {}

  async hasRoomFor(name: string): Promise<boolean> {
    const document = this.opened.get(name);
    if (document !== undefined) return document.visitors < MAX_VISITORS;
    return this.opened.size < MAX_OPEN && (await this.store.hasRoomFor(name));
  }

  /** For each visitor once; then `leave`. */
  enter(name: string): Document {
    const document = this.opened.get(name) ?? new Document(name, this.store.load(name));
    this.opened.set(name, document);
    document.visitors++;
    return document;
  }

  leave(document: Document): void {
    document.visitors--;
    // One after the other: an older state must not come over a newer one.
    document.settled = document.settled.then(() => this.settle(document));
  }

  /** After the connections have been closed: the store gets the rest, and what it has not taken before. */
  async onModuleDestroy(): Promise<void> {
    for (const document of this.opened.values()) {
      await document.settled;
      await this.settle(document);
    }
  }

  /** Whoever comes back while it is saved finds it as it was left. */
  private async settle(document: Document): Promise<void> {
    if (document.visitors > 0) return;
    if (document.isChanged) await this.save(document);
    if (document.visitors > 0 || document.isChanged) return;
    if (this.opened.get(document.name) === document) this.opened.delete(document.name);
    document.destroy();
  }

  /** What cannot be saved stays in memory. */
  private async save(document: Document): Promise<void> {
    document.isChanged = false;
    try {
      await this.store.save(document.name, document.state);
    } catch (error) {
      document.isChanged = true;
      this.logger.error(`${document.name} is not saved`, (error as Error).stack);
    }
  }
}
