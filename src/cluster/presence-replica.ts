import type { Delta, SentEntry } from './presence-messages.js';
import type { PresenceTopics, Tracked } from './presence-topics.js';

/** Deltas that are kept while a state is on its way; the heartbeat's version makes up for those that are not. */
const MAX_HELD = 256;

/** Makes an entry of what was sent; undefined for what cannot be decoded. */
export type ReadEntry = (sent: SentEntry) => Tracked | undefined;

/** The parts of a state that have come. */
interface Assembly {
  readonly version: number;
  readonly parts: Map<number, readonly SentEntry[]>;
}

/**
 * What another node tracks, as far as it has told: exactly what it had at `version`. It begins at 0, which is nothing.
 */
export class Replica {
  #version = 0;
  readonly #topics: PresenceTopics;
  readonly #read: ReadEntry;
  /** By `phx_ref`. */
  readonly #entries = new Map<string, Tracked>();
  readonly #held = new Map<number, Delta>();
  #assembly: Assembly | undefined;
  #isPulling = false;
  /** Parts of the state have come since the last heartbeat. */
  #hasProgress = false;

  constructor(topics: PresenceTopics, read: ReadEntry) {
    this.#topics = topics;
    this.#read = read;
  }

  /** Whether its node must be asked for its state, having told this version. */
  misses(version: number): boolean {
    return !this.#isPulling && version > this.#version;
  }

  /** The same with a heartbeat: a state of which nothing came since the last one is asked for again. */
  missesAtBeat(version: number): boolean {
    if (!this.#hasProgress) this.#isPulling = false;
    this.#hasProgress = false;
    return this.misses(version);
  }

  /** The state has been asked for. */
  pulled(): void {
    this.#isPulling = true;
  }

  /** What was asked for may be lost. */
  forgetPull(): void {
    this.#isPulling = false;
    this.#hasProgress = false;
  }

  /** Applied only to the version before it; one that is ahead is kept until the state has come. */
  applyDelta(delta: Delta): void {
    const [, version] = delta;
    if (version <= this.#version) return;
    this.#held.set(version, delta);
    if (this.#held.size > MAX_HELD) this.#held.delete(this.#held.keys().next().value!);
    this.#applyHeld();
  }

  /** One part of the state; all parts of one version replace what is here. */
  addPart(version: number, part: number, parts: number, entries: readonly SentEntry[]): void {
    if (version <= this.#version || version < (this.#assembly?.version ?? 0)) return;
    if (this.#assembly?.version !== version) this.#assembly = { version, parts: new Map() };
    this.#hasProgress = true;
    this.#assembly.parts.set(part, entries);
    if (this.#assembly.parts.size < parts) return;
    this.#replace(this.#assembly);
    this.forgetPull();
    this.#applyHeld();
  }

  /** Its node is down. */
  clear(): void {
    for (const tracked of this.#entries.values()) this.#topics.leave(tracked);
    this.#entries.clear();
  }

  #replace({ version, parts }: Assembly): void {
    this.#assembly = undefined;
    const gone = new Set(this.#entries.keys());
    for (const entries of parts.values()) for (const sent of entries) this.#join(sent, gone);
    for (const ref of gone) this.#leave(ref);
    this.#version = version;
  }

  #applyHeld(): void {
    for (const version of this.#held.keys()) if (version <= this.#version) this.#held.delete(version);
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [, version, joins, leaves] = next;
      this.#held.delete(version);
      for (const sent of joins) this.#join(sent);
      for (const ref of leaves) this.#leave(ref);
      this.#version = version;
    }
  }

  #next(): Delta | undefined {
    return this.#held.get(this.#version + 1);
  }

  #join(sent: SentEntry, known?: Set<string>): void {
    const tracked = this.#read(sent);
    if (tracked === undefined) return;
    known?.delete(tracked.meta.phx_ref);
    if (this.#entries.has(tracked.meta.phx_ref)) return;
    this.#entries.set(tracked.meta.phx_ref, tracked);
    this.#topics.join(tracked);
  }

  #leave(ref: string): void {
    const tracked = this.#entries.get(ref);
    if (tracked === undefined) return;
    this.#entries.delete(ref);
    this.#topics.leave(tracked);
  }
}
