import type { HostedSocket } from '../../src/core.js';
import type { Client } from './clients/client.js';
import { withDraw } from './luck.js';

/** Not sent, but what a client has for a connection that ends without a close frame (RFC 6455 §7.1.5). */
export const DROPPED = 1006;

/** What an app is told, in order: up to the next upgrade, and from there on. */
export interface Told {
  readonly end: string[];
  readonly back: string[];
}

/** One connection of a client, the code that closes it, and what comes of that. */
export class Trial {
  /** From the close to the next upgrade, ms. */
  returnedAfter: number | undefined;
  isResubscribed = false;
  readonly told: Told = { end: [], back: [] };

  #socket: HostedSocket | undefined;
  #closedAt: number | undefined;
  #isOver = false;
  #stop: () => unknown = () => {};

  constructor(
    readonly client: Client,
    readonly code: number,
    readonly draw: number,
  ) {}

  /** Until its app is subscribed. */
  async start(url: string): Promise<void> {
    this.#stop = await withDraw(this.draw, () => this.client.connect(url, (...told) => this.#tell(...told)));
  }

  /** An upgrade of its client. */
  arrived(): void {
    if (this.#closedAt === undefined) return;
    this.returnedAfter ??= performance.now() - this.#closedAt;
  }

  /** A connection of its client. */
  connected(socket: HostedSocket): void {
    this.#socket = socket;
    this.client.serve(socket, () => (this.isResubscribed = this.#closedAt !== undefined));
  }

  close(): void {
    this.#closedAt = performance.now();
    if (this.code === DROPPED) this.#socket!.terminate();
    else this.#socket!.close(this.code);
  }

  stop(): unknown {
    this.#isOver = true;
    return this.#stop();
  }

  #tell(event: string, code?: unknown): void {
    if (this.#closedAt === undefined || this.#isOver) return;
    const { end, back } = this.told;
    const words = code === this.code ? `\`${event}\` (code)` : `\`${event}\``;
    (this.returnedAfter === undefined ? end : back).push(words);
  }
}
