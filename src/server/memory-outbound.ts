/** A frame on its way to the client. */
interface Frame {
  readonly deliver: () => void;
  /** Bytes that the client has not taken. */
  left: number;
}

/** What the server has sent and the client has not taken: a socket's send buffer, without a kernel behind it. */
export class Outbound {
  /** Bytes taken, in all. */
  accepted = 0;
  /** Bytes waiting. */
  waiting = 0;
  #frames: Frame[] = [];
  /** `accepted` when everything has been taken that waited at the last `mark()`. */
  #mark: number | undefined;

  push(size: number, deliver: () => void): void {
    this.#frames.push({ deliver, left: size });
    this.waiting += size;
  }

  /** The client takes so many bytes; a frame reaches it with its last byte. */
  take(bytes: number): void {
    let left = bytes;
    while (left > 0 && this.#frames.length > 0) {
      const frame = this.#frames[0]!;
      const taken = Math.min(left, frame.left);
      left -= taken;
      frame.left -= taken;
      this.waiting -= taken;
      this.accepted += taken;
      if (frame.left > 0) return;
      this.#frames.shift();
      frame.deliver();
    }
  }

  /** Somebody waits until all of this is taken. */
  mark(): void {
    this.#mark = this.accepted + this.waiting;
  }

  /** Has what was marked been taken, or will it never be? True once for each wait. */
  reached(gone = false): boolean {
    if (this.#mark === undefined || (!gone && this.accepted < this.#mark)) return false;
    this.#mark = undefined;
    return true;
  }

  clear(): void {
    this.#frames = [];
    this.waiting = 0;
  }
}
