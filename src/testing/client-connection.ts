import type { IncomingHttpHeaders } from 'node:http';
import type { EventEmitter } from 'node:events';
import { clearTimeout, setTimeout } from 'node:timers';
import { bytesOf } from '../server/memory-wire.js';
import { jsonCodec, type Codec } from '../websock/codec.js';
import type { Message, Payload } from '../websock/message.js';
import { Expectations, type Explanation, type ExpectOptions } from './expectations.js';
import { encoded } from './messages.js';

let pings = 0;

/** What is used of a `ws` socket. Said here, because its types are not installed with the package. */
interface ClientSocket extends EventEmitter {
  readonly protocol: string;
  send(data: string | Uint8Array, options: { binary: boolean }): void;
  ping(data?: string | Uint8Array): void;
  pong(data?: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** A real client, connected to a running app. It answers pings and close frames by itself. */
export class ClientConnection extends Expectations {
  /** The headers of the server's 101. */
  headers: IncomingHttpHeaders = {};
  protected readonly codec: Codec;
  readonly #socket: ClientSocket;
  /** Pings of `expectNothing`, whose pongs are nobody else's business. */
  readonly #probes = new Map<string, () => void>();
  #error: Error | undefined;

  /** @internal For `connect`: before the socket has opened, so that nothing is missed. */
  constructor(socket: ClientSocket, options: ExpectOptions & { codec?: Codec }) {
    super(options);
    this.codec = options.codec ?? jsonCodec;
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) =>
      this.addMessage(isBinary ? ['binary', data] : ['text', data.toString()]),
    );
    socket.on('ping', (data: Buffer) => this.addMessage(['ping', data]));
    socket.on('pong', (data: Buffer) => this.#receivePong(data));
    socket.on('error', (error: Error) => (this.#error ??= error));
    socket.on('close', (code: number, reason: Buffer) => this.addClose(code, reason.toString()));
    socket.on('upgrade', (response: { headers: IncomingHttpHeaders }) => (this.headers = response.headers));
  }

  /** The subprotocol that the server chose, `''` when there is none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Sends a message: `client.send(text('hi'))`, or `client.send(json(value))` by the client's codec. */
  send(message: Message): void {
    const [opcode, payload] = encoded(message, this.codec);
    const bytes = bytesOf(payload);
    if (opcode === 'ping' || opcode === 'pong') this.#socket[opcode](bytes);
    else this.#socket.send(bytes, { binary: opcode === 'binary' });
  }

  /** Sends a ping; the pong that answers it is taken with `expectPush(pong(…))`. */
  ping(payload: Payload = null): void {
    this.send(['ping', payload]);
  }

  /** Sends a close frame, an empty one without a code. */
  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** Drops the TCP connection without a close frame. */
  drop(): void {
    this.#socket.terminate();
  }

  /** A ping and its pong: what the server sent before has come by then. */
  protected untilQuiet(within: number): Promise<void> {
    const payload = `nestjs-websock/testing ${++pings}`;
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        clearTimeout(timer);
        this.#probes.delete(payload);
        this.#socket.off('close', done);
      };
      const done = () => {
        stopWaiting();
        resolve();
      };
      const timer = setTimeout(() => {
        stopWaiting();
        reject(this.fail('a pong, to know that nothing else is on its way', within));
      }, within);
      this.#probes.set(payload, done);
      this.#socket.once('close', done);
      this.#socket.ping(payload);
    });
  }

  protected explain(): Explanation {
    return this.#error === undefined
      ? { lines: [] }
      : { lines: [`the client failed: ${this.#error.message}`], cause: this.#error };
  }

  #receivePong(data: Buffer): void {
    const probe = this.#probes.get(data.toString());
    if (probe === undefined) this.addMessage(['pong', data]);
    else probe();
  }
}
