/** Something that the client has sent and the server has not read. */
interface Packet {
  readonly size: number;
  readonly read: () => void;
}

/** What the client has sent, read in order: at once, or when reading goes on. */
export class Inbound {
  /** Bytes read, in all. */
  bytes = 0;
  #unread: Packet[] = [];
  #paused = false;
  #busy = false;
  #scheduled = false;

  push(size: number, read: () => void): void {
    this.#unread.push({ size, read });
    if (this.#busy) this.#readSoon();
    else this.#read();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#readSoon();
  }

  /** Runs something in which nothing is read: what it makes the client send waits for a microtask. */
  hold(run: () => void): void {
    const wasBusy = this.#busy;
    this.#busy = true;
    try {
      run();
    } finally {
      this.#busy = wasBusy;
    }
  }

  clear(): void {
    this.#unread = [];
  }

  #readSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#read();
    });
  }

  #read(): void {
    this.hold(() => {
      while (!this.#paused && this.#unread.length > 0) {
        const { size, read } = this.#unread.shift()!;
        this.bytes += size;
        read();
      }
    });
  }
}
