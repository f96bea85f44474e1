/** How long `next` waits before it throws, ms. */
const PATIENCE = 5_000;

/** What happened, in order; a case waits for the next of it instead of for time to pass. */
export class Log<T> {
  readonly all: T[] = [];
  #taken = 0;
  #look = () => {};

  add(item: T): void {
    this.all.push(item);
    this.#look();
  }

  /** The next that was not taken yet. */
  async next(patience = PATIENCE): Promise<T> {
    if (this.#taken === this.all.length) await this.#more(patience);
    return this.all[this.#taken++]!;
  }

  #more(patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Log: nothing for ${patience} ms`)), patience);
      this.#look = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** A promise with its handles outside: what a callback waits for until the case lets it go. */
export class Gate {
  readonly passed: Promise<void>;
  open!: () => void;

  constructor() {
    this.passed = new Promise((resolve) => (this.open = resolve));
  }
}
