import type { AsyncResource } from 'node:async_hooks';
import { inspect } from 'node:util';
import type { AttachOptions, CancelAttachment, Overflow } from '../websock/stream.js';
import {
  IterableAttachment,
  ObservableAttachment,
  type Attachment,
  type FedConnection,
  type Feed,
  type Wording,
} from './attachment.js';
import type { Inbox } from './inbox.js';
import { isAsyncIterable, observableOf } from './stream-source.js';

/** Values of one iterable that wait, at most: enough to go on with while the next is awaited. */
const WINDOW = 16;
const OVERFLOWS: readonly unknown[] = ['close', 'drop-oldest', 'drop-newest'] satisfies Overflow[];

/** The streams that feed one connection. */
export class Attachments implements Feed {
  readonly connection: FedConnection;
  readonly inbox: Inbox;
  readonly context: AsyncResource;
  readonly window: number;
  readonly #all = new Set<Attachment>();

  constructor(connection: FedConnection, inbox: Inbox, context: AsyncResource) {
    this.connection = connection;
    this.inbox = inbox;
    this.context = context;
    this.window = Math.min(WINDOW, inbox.maxMailbox);
  }

  /** @throws TypeError */
  attach(source: unknown, map: Wording['map'], options: AttachOptions = {}): CancelAttachment {
    const attachment = this.#attachmentOf(source, map, options);
    if (this.connection.isEnding) {
      attachment.release();
    } else {
      this.#all.add(attachment);
      this.context.runInAsyncScope(attachment.open, attachment);
    }
    return () => attachment.detach();
  }

  /** Something has left the queue. */
  proceed(): void {
    for (const attachment of this.#all) attachment.proceed();
  }

  /** The end is decided. */
  release(): void {
    for (const attachment of this.#all) attachment.release();
  }

  forget(attachment: Attachment): void {
    this.#all.delete(attachment);
  }

  #attachmentOf(source: unknown, map: Wording['map'], options: AttachOptions): Attachment {
    const { name = 'stream', overflow = 'close' } = options;
    if (map !== undefined && typeof map !== 'function') throw refused('map must be a function', map);
    if (typeof name !== 'string') throw refused('name must be a string', name);
    if (!OVERFLOWS.includes(overflow))
      throw refused("overflow must be 'close', 'drop-oldest' or 'drop-newest'", overflow);
    const observable = observableOf(source);
    if (observable !== undefined) return new ObservableAttachment(this, { name, map }, observable, overflow);
    if (isAsyncIterable(source)) return new IterableAttachment(this, { name, map }, source);
    throw refused(
      'the source must be an Observable, an async iterable, a Node stream or a web stream',
      source,
    );
  }
}

function refused(rule: string, value: unknown): TypeError {
  return new TypeError(`attach: ${rule}, not ${inspect(value, { depth: 0 })}`);
}
