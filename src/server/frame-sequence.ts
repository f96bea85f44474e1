/**
 * Frames that many connections get in the same order within one tick, as the messages of a broadcast are: whoever gets them too finds
 * them joined. A sequence is one frame longer than the one it follows, and knows what followed it last. Nothing keeps the whole:
 * it goes with the messages that it begins with, when their tick is over.
 */
export class FrameSequence {
  /** Of all its frames, bytes. */
  readonly size: number;
  readonly #last: Uint8Array;
  readonly #before: FrameSequence | undefined;
  #next: FrameSequence | undefined;
  #joined: Uint8Array | undefined;

  constructor(frame: Uint8Array, before?: FrameSequence) {
    this.#last = frame;
    this.#before = before;
    this.size = frame.length + (before?.size ?? 0);
    if (before === undefined) this.#joined = frame;
  }

  /** This one, and a frame more. */
  followedBy(frame: Uint8Array): FrameSequence {
    const next = this.#next;
    if (next !== undefined && next.#last === frame) return next;
    return (this.#next = new FrameSequence(frame, this));
  }

  /** Its frames in one piece; MUST NOT be changed. */
  get bytes(): Uint8Array {
    return (this.#joined ??= FrameSequence.#join(this));
  }

  static #join(sequence: FrameSequence): Uint8Array {
    // In memory of its own: where a client is slow it may be kept for long, and a pool with it.
    const bytes = Buffer.allocUnsafeSlow(sequence.size);
    let it = sequence;
    for (; it.#joined === undefined; it = it.#before!) bytes.set(it.#last, it.size - it.#last.length);
    bytes.set(it.#joined);
    return bytes;
  }
}
