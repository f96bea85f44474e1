/** Something that stands in a list of `Places`: which number, -1 for nowhere. Only the list writes it. */
export interface Placed {
  place: number;
}

/**
 * What comes and goes, in no order. Not a `Set`: each time V8 makes it a new table, the old one leads to the new. Where much comes
 * and goes, an old table that is dead but not yet collected keeps all that came after it, until the next full collection.
 */
export class Places<T extends Placed> {
  readonly #taken: T[] = [];

  get size(): number {
    return this.#taken.length;
  }

  add(item: T): void {
    item.place = this.#taken.length;
    this.#taken.push(item);
  }

  /** The last takes its place. An item that does not stand here is left alone. */
  remove(item: T): void {
    const { place } = item;
    if (this.#taken[place] !== item) return;
    const last = this.#taken.pop()!;
    if (last !== item) {
      this.#taken[place] = last;
      last.place = place;
    }
    item.place = -1;
  }

  /** Items may come and go meanwhile: those that have come are not visited, and those that have gone neither. */
  forEach(visit: (item: T) => void): void {
    for (const item of [...this.#taken]) if (item.place >= 0) visit(item);
  }
}
