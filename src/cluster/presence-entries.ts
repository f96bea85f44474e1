import type { ConnectionRef } from '../websock/connection.js';
import type { PresenceMeta } from '../websock/presence.js';
import type { PresenceTopics, Tracked } from './presence-topics.js';

/** The changes of this node's entries, for the other nodes. */
export interface EntriesListener {
  /**
   * Called before the entry joins.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE` for a meta that cannot travel; RangeError for one that is too big
   */
  check(tracked: Tracked): void;
  joined(tracked: Tracked): void;
  left(tracked: Tracked): void;
}

/** What the connections of this node track. This node alone writes it. */
export class PresenceEntries {
  /** Set where there are other nodes. */
  listener: EntriesListener | undefined;
  readonly #node: string;
  readonly #topics: PresenceTopics;
  /** By connection, then by topic and key. */
  readonly #tracked = new Map<ConnectionRef, Map<string, Tracked>>();
  #refs = 0;

  constructor(node: string, topics: PresenceTopics) {
    this.#node = node;
    this.#topics = topics;
  }

  get isEmpty(): boolean {
    return this.#tracked.size === 0;
  }

  find(owner: ConnectionRef, topic: string, key: string): Tracked | undefined {
    return this.#tracked.get(owner)?.get(placeOf(topic, key));
  }

  /** Puts an entry in, in place of the one that the connection has there. Returns its `phx_ref`. */
  put(owner: ConnectionRef, topic: string, key: string, meta: object): string {
    const before = this.find(owner, topic, key);
    const tracked = { topic, key, meta: this.#seal(meta, before?.meta.phx_ref) };
    this.listener?.check(tracked);
    let places = this.#tracked.get(owner);
    if (places === undefined) this.#tracked.set(owner, (places = new Map()));
    places.set(placeOf(topic, key), tracked);
    if (before !== undefined) this.#left(before);
    this.#topics.join(tracked);
    this.listener?.joined(tracked);
    return tracked.meta.phx_ref;
  }

  remove(owner: ConnectionRef, topic: string, key: string): void {
    const tracked = this.find(owner, topic, key);
    if (tracked !== undefined) this.#remove(owner, tracked);
  }

  removeTopic(owner: ConnectionRef, topic: string): void {
    for (const tracked of [...(this.#tracked.get(owner)?.values() ?? [])])
      if (tracked.topic === topic) this.#remove(owner, tracked);
  }

  /** The connection is gone. */
  release(owner: ConnectionRef): void {
    const places = this.#tracked.get(owner);
    if (places === undefined) return;
    this.#tracked.delete(owner);
    for (const tracked of places.values()) this.#left(tracked);
  }

  /** All of them, in an order that stays as long as none is put in or out. */
  *[Symbol.iterator](): Generator<Tracked> {
    for (const places of this.#tracked.values()) yield* places.values();
  }

  /** A copy, so that what the app does with its object later cannot make nodes differ. */
  #seal(meta: object, before: string | undefined): PresenceMeta {
    const { phx_ref: _, phx_ref_prev: __, ...own } = meta as Partial<PresenceMeta>;
    const phx_ref = `${this.#node}:${(this.#refs++).toString(36)}`;
    return Object.freeze({ ...own, phx_ref, ...(before !== undefined && { phx_ref_prev: before }) });
  }

  #remove(owner: ConnectionRef, tracked: Tracked): void {
    const places = this.#tracked.get(owner)!;
    places.delete(placeOf(tracked.topic, tracked.key));
    if (places.size === 0) this.#tracked.delete(owner);
    this.#left(tracked);
  }

  #left(tracked: Tracked): void {
    this.#topics.leave(tracked);
    this.listener?.left(tracked);
  }
}

/** One string for two, the same for no other two. */
function placeOf(topic: string, key: string): string {
  return `${topic.length}:${topic}${key}`;
}
