import type { RawMessage } from '../../src/websock/message.js';
import { TEXTS, type Bench } from './bench.js';
import { CLIENTS, type Side } from './sides.js';

/** How long answers may take, ms: a round takes a hundredth of it. */
const PATIENCE = 30_000;

/** One side at work: gives it messages, takes the time, and checks the answers. */
export class Contestant {
  readonly #bench: Bench;
  readonly #side: Side;
  /** Messages that each client has sent. */
  #given = 0;

  constructor(bench: Bench, side: Side) {
    this.#bench = bench;
    this.#side = side;
  }

  /**
   * Lets every client send so many messages, all clients one before the first its next. Returns the CPU time of this process,
   * µs: what else the machine does is not in it.
   *
   * @throws Error for an answer that is missing or wrong
   */
  async run(batches: number): Promise<number> {
    const { messages = TEXTS, isSilent = false } = this.#bench;
    const { meter, receive } = this.#side;
    const watchdog = setTimeout(() => meter.giveUp(), PATIENCE);
    const before = process.cpuUsage();
    for (let i = 0; i < batches; i++) {
      const message = messages[this.#given++ % messages.length]!;
      for (const give of receive) give(message);
      if (!isSilent && meter.sent < this.#results) await meter.reach(this.#results);
    }
    const { user, system } = process.cpuUsage(before);
    clearTimeout(watchdog);
    this.#checkSent();
    return user + system;
  }

  /** @throws Error when the states have not counted every message */
  end(): void {
    this.#check('messages counted by the states', this.#side.end(), this.#results);
  }

  /** Of all messages given. */
  get #results(): number {
    return this.#given * CLIENTS * (this.#bench.results ?? 1);
  }

  #checkSent(): void {
    const { sent, bytes, last } = this.#side.meter;
    const { messages = TEXTS, isSilent = false, results = 1 } = this.#bench;
    const answers = isSilent ? [] : messages.map((message) => this.#answerTo(message));
    const timesGiven = (i: number) => Math.ceil((this.#given - i) / messages.length);
    const length = answers.reduce((sum, answer, i) => sum + answer.length * timesGiven(i), 0);
    this.#check('messages sent', sent, isSilent ? 0 : this.#results);
    this.#check('length of all that was sent', bytes, length * CLIENTS * results);
    this.#check('last sent', last, answers[(this.#given - 1) % messages.length]);
  }

  #answerTo(message: RawMessage): string {
    return this.#bench.answer?.(message) ?? (message[1] as string);
  }

  #check(what: string, found: unknown, expected: unknown): void {
    if (found === expected) return;
    throw new Error(`${this.#bench.name}: ${what}: ${String(found)}, expected ${String(expected)}`);
  }
}
