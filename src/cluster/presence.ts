import { setImmediate } from 'node:timers';
import type { Connection, ConnectionRef } from '../websock/connection.js';
import type { PresenceEntry, PresenceList, PresenceMeta } from '../websock/presence.js';
import { checkTopic, isWellFormed } from '../websock/topic.js';
import type { NodeLink, NodePart } from './node-link.js';
import { PresenceEntries } from './presence-entries.js';
import { PresenceReplication } from './presence-replication.js';
import { PresenceTopics, type PresenceAudience, type Soon } from './presence-topics.js';

/** What presence asks of the app that it is in. */
export interface PresenceHost extends PresenceAudience {
  /** The name of this node: what its references begin with. */
  readonly node: string;
  /** Is it a connection of this node, whose end is not decided? */
  isLive(ref: ConnectionRef): boolean;
  /** Default: `setImmediate`. */
  readonly soon?: Soon;
}

/**
 * Who is there: connections track themselves under a key of a topic, and every node lists all of them (`Phoenix.Presence`).
 * Subscribers of the topic get `['presence_diff', topic, { joins, leaves }]` when the tick is over in which something has changed.
 * A connection's entries leave when its end is decided, a node's when it is down.
 */
export class Presence {
  readonly #host: PresenceHost;
  readonly #soon: Soon;
  readonly #topics: PresenceTopics;
  readonly #entries: PresenceEntries;

  /** @internal Inject it, or take `presence` of a `WebSockServer`. */
  constructor(host: PresenceHost) {
    this.#host = host;
    this.#soon = host.soon ?? ((callback) => void setImmediate(callback));
    this.#topics = new PresenceTopics(host, this.#soon);
    this.#entries = new PresenceEntries(host.node, this.#topics);
  }

  /**
   * Lists a connection of this node under `key` of `topic`, with a meta: an object that tells others about it, copied one level
   * deep. A key may have several connections, each with a meta of its own. Tracked twice it is there once, updated.
   *
   * Returns the `phx_ref` of the meta; undefined, and tracks nothing, for a connection that has ended.
   *
   * @throws TypeError for a bad topic, a key that is no string or empty, a meta that is no object, and a connection of another node; in
   * a cluster WebSockError `WEBSOCK_INFO_ENCODE` for a meta that cannot be encoded, RangeError for one of more than 64 KiB
   */
  track(
    connection: Connection | ConnectionRef,
    topic: string,
    key: string,
    meta: object = {},
  ): string | undefined {
    const owner = this.#owner('track', connection, topic, key);
    checkMeta('track', meta);
    return this.#host.isLive(owner) ? this.#entries.put(owner, topic, key, meta) : undefined;
  }

  /**
   * Takes a connection off the list of a topic, under one key or under all it has there. Does nothing where it is not tracked.
   *
   * @throws TypeError for a bad topic or key, and a connection of another node
   */
  untrack(connection: Connection | ConnectionRef, topic: string, key?: string): void {
    const owner = this.#owner('untrack', connection, topic, key);
    if (key === undefined) this.#entries.removeTopic(owner, topic);
    else this.#entries.remove(owner, topic, key);
  }

  /**
   * Exchanges the meta of what is tracked, or makes a new one of it. Its `phx_ref` is new, too; the one before is `phx_ref_prev`.
   * Returns the new one; undefined, and does nothing, where the connection is not tracked.
   *
   * @throws as `track` does
   */
  update<T extends object = Record<string, any>>(
    connection: Connection | ConnectionRef,
    topic: string,
    key: string,
    meta: T | ((meta: PresenceMeta<T>) => T),
  ): string | undefined {
    const owner = this.#owner('update', connection, topic, key);
    const tracked = this.#entries.find(owner, topic, key);
    if (tracked === undefined) return undefined;
    const next = typeof meta === 'function' ? meta(tracked.meta as PresenceMeta<T>) : meta;
    checkMeta('update', next);
    // The function may have untracked it.
    return this.#entries.find(owner, topic, key) && this.#entries.put(owner, topic, key, next);
  }

  /** Everyone in a topic, on all nodes, by key; an empty object where there is nobody. What it holds is not to be changed. */
  list<T extends object = Record<string, any>>(topic: string): PresenceList<T> {
    return this.#topics.list(topic) as PresenceList<T>;
  }

  /** Those under one key; undefined where there is nobody. */
  get<T extends object = Record<string, any>>(topic: string, key: string): PresenceEntry<T> | undefined {
    return this.#topics.get(topic, key) as PresenceEntry<T> | undefined;
  }

  /** @internal The end of a connection is decided. */
  release(ref: ConnectionRef): void {
    this.#entries.release(ref);
  }

  /** @internal Joins the other nodes. */
  connect(link: NodeLink): NodePart {
    return new PresenceReplication(link, this.#entries, this.#topics, this.#soon);
  }

  /** @throws TypeError */
  #owner(verb: string, connection: Connection | ConnectionRef, topic: string, key = '-'): ConnectionRef {
    checkTopic(verb, topic);
    if (typeof key !== 'string' || key === '')
      throw new TypeError(`${verb}: a key is a string that is not empty`);
    if (!isWellFormed(key)) throw new TypeError(`${verb}: a key is well-formed, without lone surrogates`);
    const ref = typeof connection === 'string' ? connection : connection?.ref;
    if (typeof ref !== 'string') throw new TypeError(`${verb}: expected a connection or a reference`);
    const { node } = this.#host;
    if (ref.startsWith(`${node}.`)) return ref;
    throw new TypeError(`${verb}: connection ${ref} is not of this node (${node}); do it there`);
  }
}

/** @throws TypeError */
function checkMeta(verb: string, meta: unknown): void {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw new TypeError(`${verb}: a meta is an object`);
}
