/** How many topics keep their numbers at least; at most twice as many. */
const KEPT = 10_000;

/** The numbers of the messages that this node publishes on a topic. */
export interface SentNumbers {
  /** With which it began. */
  readonly base: number;
  /** That of the next message. */
  next: number;
}

/**
 * The numbers of all topics that this node publishes on. The topics that were used longest ago are forgotten; one that comes back
 * begins above all that were forgotten, and says so: nobody takes the jump for a gap.
 */
export class TopicNumbers {
  readonly #kept: number;
  #recent = new Map<string, SentNumbers>();
  #older = new Map<string, SentNumbers>();
  #base = 0;

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  /** The numbers of a topic; of a new one from the start. */
  of(topic: string): SentNumbers {
    const recent = this.#recent.get(topic);
    if (recent !== undefined) return recent;
    const numbers = this.find(topic) ?? { base: this.#base, next: this.#base };
    if (this.#recent.size >= this.#kept) this.#forget();
    this.#recent.set(topic, numbers);
    return numbers;
  }

  /** Undefined for a topic that nothing was published on, or not for long. */
  find(topic: string): SentNumbers | undefined {
    return this.#recent.get(topic) ?? this.#older.get(topic);
  }

  #forget(): void {
    for (const [topic, { next }] of this.#older) {
      if (!this.#recent.has(topic)) this.#base = Math.max(this.#base, next);
    }
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}
