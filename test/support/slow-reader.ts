import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Bytes } from './frames.js';
import { requestBytes } from './raw-client.js';
import { elapse } from './timing.js';

/** A client that reads when told to, as much as it is told, and keeps nothing of it. */
export class SlowReader {
  received = 0;
  ended = false;
  #wanted = 0;
  #onEnough = () => {};

  private constructor(readonly socket: Socket) {
    socket.pause();
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      if (this.received < this.#wanted) return;
      socket.pause();
      this.#onEnough();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.#onEnough();
    });
  }

  /** Sends the opening handshake, and what comes behind it, at once. */
  static async open(port: number, early: Bytes): Promise<SlowReader> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return SlowReader.on(socket, early);
  }

  /** The same on a socket that is connected. */
  static on(socket: Socket, early: Bytes): SlowReader {
    const reader = new SlowReader(socket);
    socket.write(Buffer.concat([requestBytes(), Buffer.from(early as Uint8Array)]));
    return reader;
  }

  /** Reads at least so many bytes more, or to the end. */
  async read(bytes: number): Promise<void> {
    this.#wanted = this.received + bytes;
    if (this.ended) return;
    await new Promise<void>((resolve) => {
      this.#onEnough = resolve;
      this.socket.resume();
    });
  }

  /** Reads to so many bytes in all, in portions, with a rest between them. */
  async readSlowly(total: number, portion: number, rest: number): Promise<void> {
    while (this.received < total && !this.ended) {
      await this.read(Math.min(portion, total - this.received));
      await elapse(rest);
    }
  }
}
