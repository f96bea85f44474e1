import type { PresenceDiffInfo, PresenceEntry, PresenceList, PresenceMeta } from '../websock/presence.js';

/** Runs a function when the tick is over. */
export type Soon = (callback: () => void) => void;

/** One connection under one key of a topic. Never changed: an update makes a new one. */
export interface Tracked {
  readonly topic: string;
  readonly key: string;
  readonly meta: PresenceMeta;
}

/** What the subscribers of a topic have not been told yet, by `phx_ref`. */
interface Change {
  readonly joins: Map<string, Tracked>;
  readonly leaves: Map<string, Tracked>;
  /** Somebody has looked at the topic meanwhile. */
  isSeen: boolean;
}

/** A key has one entry as a rule; a Set costs more than the entry itself. */
type Keys = Map<string, Tracked | Set<Tracked>>;

/** Who is told of changes. */
export interface PresenceAudience {
  /** Is anybody of this node subscribed? */
  hasSubscribers(topic: string): boolean;
  /** To the subscribers of the topic on this node. Never throws. */
  deliver(topic: string, info: PresenceDiffInfo): void;
}

/** Who is present in which topic, of all nodes, as this node knows it; tells the topics' subscribers what has changed. */
export class PresenceTopics {
  readonly #topics = new Map<string, Keys>();
  readonly #changes = new Map<string, Change>();
  readonly #audience: PresenceAudience;
  readonly #soon: Soon;

  constructor(audience: PresenceAudience, soon: Soon) {
    this.#audience = audience;
    this.#soon = soon;
  }

  join(tracked: Tracked): void {
    const { topic, key } = tracked;
    let keys = this.#topics.get(topic);
    if (keys === undefined) this.#topics.set(topic, (keys = new Map()));
    const present = keys.get(key);
    if (present === undefined) keys.set(key, tracked);
    else if (present instanceof Set) present.add(tracked);
    else keys.set(key, new Set([present, tracked]));
    this.#note(tracked, 'joins', 'leaves');
  }

  /** Takes out an entry that is in: the same object. */
  leave(tracked: Tracked): void {
    const { topic, key } = tracked;
    const keys = this.#topics.get(topic)!;
    const present = keys.get(key)!;
    if (!(present instanceof Set)) keys.delete(key);
    else if (present.delete(tracked) && present.size === 0) keys.delete(key);
    if (keys.size === 0) this.#topics.delete(topic);
    this.#note(tracked, 'leaves', 'joins');
  }

  list(topic: string): PresenceList {
    this.#look(topic);
    const list = emptyList();
    for (const [key, present] of this.#topics.get(topic) ?? []) list[key] = entryOf(present);
    return list;
  }

  get(topic: string, key: string): PresenceEntry | undefined {
    this.#look(topic);
    const present = this.#topics.get(topic)?.get(key);
    return present && entryOf(present);
  }

  /** Tells now what the end of the tick would. */
  flush(): void {
    for (const topic of [...this.#changes.keys()]) this.#tell(topic);
  }

  /** What comes and goes in one tick is not told, unless somebody may have seen it in between: then each has a diff of its own. */
  #note(tracked: Tracked, side: 'joins' | 'leaves', other: 'joins' | 'leaves'): void {
    const { topic, meta } = tracked;
    const pending = this.#changes.get(topic);
    if (pending?.isSeen === true && pending[other].has(meta.phx_ref)) this.#tell(topic);
    const change = this.#changeOf(topic);
    if (!change[other].delete(meta.phx_ref)) change[side].set(meta.phx_ref, tracked);
  }

  #changeOf(topic: string): Change {
    let change = this.#changes.get(topic);
    if (change === undefined) {
      if (this.#changes.size === 0) this.#soon(() => this.flush());
      this.#changes.set(topic, (change = { joins: new Map(), leaves: new Map(), isSeen: false }));
    }
    return change;
  }

  #look(topic: string): void {
    const change = this.#changes.get(topic);
    if (change !== undefined) change.isSeen = true;
  }

  #tell(topic: string): void {
    const { joins, leaves } = this.#changes.get(topic)!;
    this.#changes.delete(topic);
    if ((joins.size === 0 && leaves.size === 0) || !this.#audience.hasSubscribers(topic)) return;
    this.#audience.deliver(topic, ['presence_diff', topic, { joins: byKey(joins), leaves: byKey(leaves) }]);
  }
}

/** Without a prototype: `__proto__` is a key like any other. */
function emptyList(): Record<string, { metas: PresenceMeta[] }> {
  return Object.create(null) as Record<string, { metas: PresenceMeta[] }>;
}

function entryOf(present: Tracked | Set<Tracked>): { metas: PresenceMeta[] } {
  return { metas: present instanceof Set ? Array.from(present, ({ meta }) => meta) : [present.meta] };
}

function byKey(changed: Map<string, Tracked>): PresenceList {
  const list = emptyList();
  for (const { key, meta } of changed.values()) (list[key] ??= { metas: [] }).metas.push(meta);
  return list;
}
