import type { PresenceMeta } from '../websock/presence.js';
import type { NodeLink, NodePart } from './node-link.js';
import type { EntriesListener, PresenceEntries } from './presence-entries.js';
import { readPresence, writePresence, type PresenceMessage, type SentEntry } from './presence-messages.js';
import { Replica } from './presence-replica.js';
import type { PresenceTopics, Soon, Tracked } from './presence-topics.js';

/** Bytes of one entry, and of the entries in one message, at most: brokers limit a packet. */
const MAX_BYTES = 65_536;

/**
 * Tells the other nodes what this one tracks, and keeps a replica of what each of them does. A node is the only one that writes its
 * entries, so there is nothing to merge: a replica has a version or it has not, and then it asks for the whole.
 */
export class PresenceReplication implements NodePart, EntriesListener {
  readonly #link: NodeLink;
  readonly #entries: PresenceEntries;
  readonly #topics: PresenceTopics;
  readonly #soon: Soon;
  /** Of the nodes that are up. */
  readonly #replicas = new Map<string, Replica>();
  readonly #encoded = new WeakMap<Tracked, SentEntry>();

  /** How many deltas were sent: the version that other nodes have if they have them all. 0 is nothing. */
  #version: number;
  readonly #joins = new Map<string, Tracked>();
  readonly #leaves = new Set<string>();
  /** Nodes that want the state. */
  readonly #askers = new Set<string>();
  #isWaiting = false;

  constructor(link: NodeLink, entries: PresenceEntries, topics: PresenceTopics, soon: Soon) {
    this.#link = link;
    this.#entries = entries;
    this.#topics = topics;
    this.#soon = soon;
    // What is there already is told to those who ask.
    this.#version = entries.isEmpty ? 0 : 1;
    entries.listener = this;
  }

  // This node's entries

  check(tracked: Tracked): void {
    const size = sizeOf(this.#encode(tracked));
    if (size <= MAX_BYTES) return;
    throw new RangeError(`presence: topic, key and meta have ${size} bytes encoded, more than ${MAX_BYTES}`);
  }

  joined(tracked: Tracked): void {
    this.#joins.set(tracked.meta.phx_ref, tracked);
    this.#wait();
  }

  left({ meta: { phx_ref } }: Tracked): void {
    if (this.#joins.delete(phx_ref)) return;
    this.#leaves.add(phx_ref);
    this.#wait();
  }

  // Other nodes

  receive(from: string, bytes: Buffer): void {
    const message = readPresence(bytes);
    if (message !== undefined) this.#receive(from, message);
  }

  nodeUp(node: string): void {
    if (this.#replicas.has(node)) return;
    this.#replicas.set(node, new Replica(this.#topics, this.#read));
    this.#sendTo(node, ['ask', this.#version]);
  }

  nodeDown(node: string): void {
    const replica = this.#replicas.get(node);
    this.#replicas.delete(node);
    this.#askers.delete(node);
    replica?.clear();
  }

  restored(): void {
    for (const replica of this.#replicas.values()) replica.forgetPull();
    this.#flush();
    this.#sendToAll(['ask', this.#version]);
  }

  beat(): Uint8Array {
    return writePresence(['beat', this.#version]);
  }

  stop(): void {
    this.#flush();
  }

  #receive(from: string, message: PresenceMessage): void {
    // A node that is not up here answers when it is, by the digest that it is asked for then.
    const replica = this.#replicas.get(from);
    switch (message[0]) {
      case 'delta':
        replica?.applyDelta(message);
        return this.#pullIf(from, replica, replica?.misses(message[1]));
      case 'beat':
        return this.#pullIf(from, replica, replica?.missesAtBeat(message[1]));
      case 'ask':
        this.#sendTo(from, ['digest', this.#version]);
        return this.#pullIf(from, replica, replica?.misses(message[1]));
      case 'digest':
        return this.#pullIf(from, replica, replica?.misses(message[1]));
      case 'pull':
        this.#askers.add(from);
        return this.#wait();
      case 'state':
        replica?.addPart(message[1], message[2], message[3], message[4]);
    }
  }

  #pullIf(node: string, replica: Replica | undefined, misses: boolean | undefined): void {
    if (replica === undefined || misses !== true) return;
    replica.pulled();
    this.#sendTo(node, ['pull']);
  }

  // What is sent when the tick is over

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#soon(() => this.#flush());
  }

  #flush(): void {
    this.#isWaiting = false;
    this.#sendDeltas();
    this.#answer();
  }

  /** In one delta as a rule, so that an update is one change elsewhere, too. */
  #sendDeltas(): void {
    const joins = [...this.#inParts(this.#joins.values())];
    const leaves = inSlices([...this.#leaves]);
    this.#joins.clear();
    this.#leaves.clear();
    for (let i = 0; i < Math.max(joins.length, leaves.length); i++)
      this.#sendToAll(['delta', ++this.#version, joins[i] ?? [], leaves[i] ?? []]);
  }

  /** The state goes to all when many have asked, as they do when the broker is back. */
  #answer(): void {
    if (this.#askers.size === 0) return;
    const parts = [...this.#inParts(this.#entries)];
    if (parts.length === 0) parts.push([]);
    const askers = this.#askers.size * 2 > this.#replicas.size ? [undefined] : [...this.#askers];
    this.#askers.clear();
    for (const asker of askers) {
      for (const [part, entries] of parts.entries()) {
        const state: PresenceMessage = ['state', this.#version, part, parts.length, entries];
        if (asker === undefined) this.#sendToAll(state);
        else this.#sendTo(asker, state);
      }
    }
  }

  #sendToAll(message: PresenceMessage): void {
    this.#link.sendToAll(writePresence(message));
  }

  #sendTo(node: string, message: PresenceMessage): void {
    this.#link.sendTo(node, writePresence(message));
  }

  *#inParts(entries: Iterable<Tracked>): Generator<SentEntry[]> {
    let part: SentEntry[] = [];
    let bytes = 0;
    for (const tracked of entries) {
      const sent = this.#tryEncode(tracked);
      if (sent === undefined) continue;
      if (part.length > 0 && bytes + sizeOf(sent) > MAX_BYTES) {
        yield part;
        part = [];
        bytes = 0;
      }
      part.push(sent);
      bytes += sizeOf(sent);
    }
    if (part.length > 0) yield part;
  }

  #encode(tracked: Tracked): SentEntry {
    let sent = this.#encoded.get(tracked);
    if (sent === undefined) {
      sent = [tracked.topic, tracked.key, this.#link.encode(tracked.meta)];
      this.#encoded.set(tracked, sent);
    }
    return sent;
  }

  /** One that was tracked before there were other nodes was not checked then. */
  #tryEncode(tracked: Tracked): SentEntry | undefined {
    try {
      return this.#encode(tracked);
    } catch (error) {
      this.#link.failed(error);
      return undefined;
    }
  }

  readonly #read = ([topic, key, bytes]: SentEntry): Tracked | undefined => {
    try {
      const meta = this.#link.decode(bytes) as PresenceMeta;
      if (typeof meta.phx_ref === 'string') return { topic, key, meta: Object.freeze(meta) };
      throw new TypeError('presence: a meta without phx_ref');
    } catch (error) {
      this.#link.failed(error);
      return undefined;
    }
  };
}

function sizeOf([topic, key, meta]: SentEntry): number {
  return Buffer.byteLength(topic) + Buffer.byteLength(key) + meta.length;
}

/** References are short: a thousand of them make no big packet. */
function inSlices(refs: readonly string[]): (readonly string[])[] {
  const slices = [];
  for (let i = 0; i < refs.length; i += 1_000) slices.push(refs.slice(i, i + 1_000));
  return slices;
}
