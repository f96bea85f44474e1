import { connect, type Socket } from 'node:net';
import { FrameClient } from './frame-client.js';
import type { Bytes } from './frames.js';

export type { CloseSays } from './frame-client.js';

/** Changes to the default opening handshake. */
export interface RequestSpec {
  method?: string;
  path?: string;
  /** HTTP version. Default 1.1. */
  version?: string;
  /** Laid over the default headers: `null` removes one, a list repeats it. */
  headers?: Record<string, string | string[] | null>;
  body?: string;
}

/** The key of RFC 6455 §1.3. */
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

const DEFAULT_HEADERS = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': SAMPLE_KEY,
  'Sec-WebSocket-Version': '13',
};

/** The opening handshake as bytes. */
export function requestBytes({ method, path, version, headers, body }: RequestSpec = {}): Buffer {
  const lines = [`${method ?? 'GET'} ${path ?? '/'} HTTP/${version ?? '1.1'}`];
  for (const [name, value] of Object.entries({ ...DEFAULT_HEADERS, ...headers })) {
    for (const item of [value ?? []].flat()) lines.push(`${name}: ${item}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1');
}

/**
 * A WebSocket client that is nothing but a TCP socket: it answers nothing by itself, not even a ping, a close frame or a FIN.
 */
export class RawClient extends FrameClient {
  #head: Buffer = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    super();
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.endedBy('fin'));
    socket.on('error', () => this.endedBy('rst'));
  }

  /** Opens the TCP connection and sends nothing. */
  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const client = RawClient.on(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  /** On a socket of another kind: TLS, or of the file system. */
  static on(socket: Socket): RawClient {
    return new RawClient(socket);
  }

  /** Sends the opening handshake, with `early` in the same packet, and waits for the response's head. */
  static async open(port: number, request?: RequestSpec, early: Bytes = ''): Promise<RawClient> {
    const client = await RawClient.dial(port);
    await client.request(request, early);
    return client;
  }

  async request(request?: RequestSpec, early: Bytes = ''): Promise<void> {
    this.status = 0;
    this.write(Buffer.concat([requestBytes(request), Buffer.from(early as Uint8Array)]));
    await this.patiently('the response', () => this.status !== 0 || this.tcpEnd !== 'open');
  }

  /** Raw bytes; nothing when the socket can take no more. */
  write(bytes: Bytes): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** FIN: half-closes. */
  end(): void {
    this.socket.end();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const rest = this.status === 0 ? this.#readHead(chunk) : chunk;
    if (this.status === 101) this.readFrames(rest);
    else if (this.status !== 0) this.body += rest.toString('latin1');
    this.changed();
  }

  /** Returns what is behind it. */
  #readHead(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    this.#head = end < 0 ? bytes : Buffer.alloc(0);
    if (end < 0) return this.#head;
    const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    this.body = '';
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    this.status = Number(first!.split(' ')[1]);
    return bytes.subarray(end + 4);
  }
}
