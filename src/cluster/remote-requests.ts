import type { ConnectionRef } from '../websock/connection.js';
import { UnknownRefError } from '../websock/errors.js';
import { describeThrown } from '../websock/thrown.js';
import type { ByteReader } from './bytes.js';
import type { InfoEncoding } from './info-encoding.js';
import type { NodeMail } from './node-mail.js';
import type { EncodedInfo } from './packet.js';
import { failureOf } from './remote-errors.js';
import { Bodies, REMOTE, timeoutOf, type RemoteKind } from './remote-messages.js';

/** The connections of this node, as the others reach them. */
export interface LocalConnections {
  sendInfo(ref: ConnectionRef, message: unknown): void;
  call(ref: ConnectionRef, message: unknown, options: { timeout: number }): Promise<unknown>;
  monitor(ref: ConnectionRef, down: (reason: unknown) => void): () => void;
}

/** Does for other nodes what they ask of this node's connections. */
export class RemoteRequests {
  readonly #node: string;
  readonly #mail: NodeMail;
  readonly #encoding: InfoEncoding;
  readonly #local: LocalConnections;
  /** What each node watches here, by its own ids. */
  readonly #watches = new Map<string, Map<number, () => void>>();
  /** Endings that their watchers could not be told. */
  readonly #owed = new Map<string, Map<number, EncodedInfo>>();

  constructor(node: string, mail: NodeMail, encoding: InfoEncoding, local: LocalConnections) {
    this.#node = node;
    this.#mail = mail;
    this.#encoding = encoding;
    this.#local = local;
  }

  /** Throws for what it cannot read. */
  receive(from: string, kind: RemoteKind, reader: ByteReader): void {
    switch (kind) {
      case REMOTE.info: {
        const ref = reader.text();
        if (this.#isOurs(ref)) this.#local.sendInfo(ref, this.#encoding.read(reader));
        return;
      }
      case REMOTE.call:
        return void this.#call(from, reader.varint(), reader);
      case REMOTE.watch:
        return this.#watch(from, reader.varint(), reader.text());
      case REMOTE.unwatch:
        return this.#unwatch(from, reader.varint());
      default:
      // Of a later version.
    }
  }

  /** Nobody is there any more to be told. */
  nodeDown(node: string): void {
    for (const stop of this.#watches.get(node)?.values() ?? []) stop();
    this.#watches.delete(node);
    this.#owed.delete(node);
  }

  /** Tells once more what could not be told. */
  tellOwed(): void {
    const owed = [...this.#owed];
    this.#owed.clear();
    for (const [node, downs] of owed) for (const [id, reason] of downs) this.#tell(node, id, reason);
  }

  async #call(from: string, id: number, reader: ByteReader): Promise<void> {
    try {
      const timeout = timeoutOf(reader.varint());
      const ref = reader.text();
      const message = this.#encoding.read(reader);
      if (!this.#isOurs(ref)) throw new UnknownRefError(ref);
      const term = await this.#local.call(ref, message, { timeout });
      this.#answer(from, Bodies.reply(id, this.#encoding.encode(term)));
    } catch (error) {
      this.#answer(from, Bodies.failure(id, failureOf(error)));
    }
  }

  #answer(to: string, body: Buffer): void {
    this.#mail.sendTo(to, 'connections', body);
  }

  #watch(from: string, id: number, ref: ConnectionRef): void {
    if (this.#watches.get(from)?.has(id)) return;
    let watches = this.#watches.get(from);
    if (watches === undefined) this.#watches.set(from, (watches = new Map()));
    let isDown = false;
    const down = (reason: unknown) => {
      isDown = true;
      this.#forget(from, id);
      this.#tell(from, id, this.#encodeReason(reason));
    };
    if (!this.#isOurs(ref)) return down('noproc');
    const stop = this.#local.monitor(ref, down);
    if (!isDown) watches.set(id, stop);
  }

  #unwatch(from: string, id: number): void {
    this.#watches.get(from)?.get(id)?.();
    this.#forget(from, id);
    this.#owed.get(from)?.delete(id);
  }

  #forget(from: string, id: number): void {
    const watches = this.#watches.get(from);
    watches?.delete(id);
    if (watches?.size === 0) this.#watches.delete(from);
  }

  #tell(to: string, id: number, reason: EncodedInfo): void {
    this.#mail.sendTo(to, 'connections', Bodies.down(id, reason), () => {
      const owed = this.#owed.get(to) ?? new Map<number, EncodedInfo>();
      this.#owed.set(to, owed.set(id, reason));
    });
  }

  /** A reason may be any value that a callback has thrown or stopped with. */
  #encodeReason(reason: unknown): EncodedInfo {
    try {
      return this.#encoding.encode(reason);
    } catch {
      return this.#encoding.encode(plainReason(reason));
    }
  }

  #isOurs(ref: ConnectionRef): boolean {
    return ref.startsWith(`${this.#node}.`);
  }
}

function plainReason(reason: unknown): unknown {
  return Array.isArray(reason) ? reason.slice(0, 2).map(describeThrown) : describeThrown(reason);
}
