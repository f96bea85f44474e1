/** Of a mailbox that holds nothing; one for all. Nothing is ever put in it: there is no room. */
const NO_RING: undefined[] = [];

/**
 * A first-in, first-out queue. A ring that doubles when full: pushing and shifting cost the same at any length,
 * and an empty mailbox that was never used holds nothing.
 */
export class Mailbox<T> {
  #ring: (T | undefined)[] = NO_RING;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    if (this.#length === 0) this.#reset();
    return item;
  }

  /** The waiting items, oldest first. */
  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#length; i++) yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T;
  }

  /** Takes out what is not to be kept; the rest stays in order. */
  retain(keep: (item: T) => boolean): void {
    const kept = [...this].filter(keep);
    this.clear();
    for (const item of kept) this.push(item);
  }

  clear(): void {
    this.#ring = NO_RING;
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const bigger = new Array<T | undefined>(Math.max(8, this.#ring.length * 2));
    for (let i = 0; i < this.#length; i++) bigger[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)];
    this.#ring = bigger;
    this.#head = 0;
  }

  /** A burst must not leave its ring behind on an idle connection. */
  #reset(): void {
    this.#head = 0;
    if (this.#ring.length > 64) this.#ring = NO_RING;
  }
}
