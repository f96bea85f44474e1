import { connect, type Socket } from 'node:net';
import {
  closePayload,
  decodeFrame,
  encodeFrame,
  frameSize,
  OPCODE,
  readClose,
  type Bytes,
  type Frame,
  type FrameSpec,
} from './frames.js';

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

/** How long `next…` and `ended` wait before they throw, ms. */
const PATIENCE = 5_000;

/** The opening handshake as bytes. */
export function requestBytes({ method, path, version, headers, body }: RequestSpec = {}): Buffer {
  const lines = [`${method ?? 'GET'} ${path ?? '/'} HTTP/${version ?? '1.1'}`];
  for (const [name, value] of Object.entries({ ...DEFAULT_HEADERS, ...headers })) {
    for (const item of [value ?? []].flat()) lines.push(`${name}: ${item}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1');
}

/** A close frame; `code` undefined where it has none. */
export interface CloseSays {
  readonly code: number | undefined;
  readonly reason: string;
}

/** `open`: the server has not ended the TCP connection. */
export type TcpEnd = 'open' | 'fin' | 'rst';

/**
 * A WebSocket client that is nothing but a TCP socket: it sends what it is told, right or wrong, answers nothing by itself,
 * not even a ping, a close frame or a FIN, and keeps all it has read.
 */
export class RawClient {
  /** Of the HTTP response; 0 before it came. */
  status = 0;
  /** In order, names in lower case. */
  headers: [name: string, value: string][] = [];
  /** Of an HTTP response other than 101. */
  body = '';
  /** All frames so far. */
  readonly frames: Frame[] = [];
  tcpEnd: TcpEnd = 'open';
  #taken = 0;
  #unread: Buffer = Buffer.alloc(0);
  /** What came behind `#unread`: joined only when a frame is whole, or large messages would be copied over and over. */
  #behind: Buffer[] = [];
  #missing = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.#end('fin'));
    socket.on('error', () => this.#end('rst'));
  }

  /** Opens the TCP connection and sends nothing. */
  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
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
    await this.#patiently('the response', () => this.status !== 0 || this.tcpEnd !== 'open');
  }

  header(name: string): string | undefined {
    return this.headers.find(([key]) => key === name.toLowerCase())?.[1];
  }

  /** Raw bytes; nothing when the socket can take no more. */
  write(bytes: Bytes): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  send(...frames: FrameSpec[]): void {
    this.write(Buffer.concat(frames.map(encodeFrame)));
  }

  text(payload: Bytes): void {
    this.send({ opcode: OPCODE.text, payload });
  }

  binary(payload: Bytes): void {
    this.send({ opcode: OPCODE.binary, payload });
  }

  ping(payload: Bytes = ''): void {
    this.send({ opcode: OPCODE.ping, payload });
  }

  pong(payload: Bytes = ''): void {
    this.send({ opcode: OPCODE.pong, payload });
  }

  close(code?: number, reason?: Bytes): void {
    this.send({ opcode: OPCODE.close, payload: closePayload(code, reason) });
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

  /** The next frame that was not taken yet. Throws when the connection ends instead. */
  async nextFrame(): Promise<Frame> {
    await this.#patiently('a frame', () => this.frames.length > this.#taken || this.tcpEnd !== 'open');
    const frame = this.frames[this.#taken++];
    if (frame === undefined) throw new Error(`RawClient: the connection ended (${this.tcpEnd})`);
    return frame;
  }

  /** The text of the next frame, which must be a whole text message. */
  async nextText(): Promise<string> {
    const { fin, opcode, payload } = await this.nextFrame();
    if (!fin || opcode !== OPCODE.text) throw new Error(`RawClient: opcode ${opcode} instead of a text`);
    return payload.toString();
  }

  /** What the next frame says, which must be a close frame. */
  async nextClose(): Promise<CloseSays> {
    const frame = await this.nextFrame();
    if (frame.opcode !== OPCODE.close)
      throw new Error(`RawClient: opcode ${frame.opcode} instead of a close`);
    const { code, reason } = readClose(frame);
    return { code, reason: reason.toString() };
  }

  /** How the server ends the TCP connection, once it has. */
  async ended(): Promise<TcpEnd> {
    await this.#patiently('the end', () => this.tcpEnd !== 'open');
    return this.tcpEnd;
  }

  /** Waits until `holds` is true of what has been read, at most `ms`; tells whether it is. */
  until(holds: () => boolean, ms: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (result: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = () => holds() && done(true);
      const timer = setTimeout(() => done(holds()), ms);
      this.#waiting.add(look);
    });
  }

  async #patiently(what: string, holds: () => boolean): Promise<void> {
    if (!(await this.until(holds, PATIENCE))) throw new Error(`RawClient: no sign of ${what}`);
  }

  #receive(chunk: Buffer): void {
    this.#behind.push(chunk);
    this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    this.#unread = Buffer.concat([this.#unread, ...this.#behind.splice(0)]);
    if (this.status === 0) this.#readHead();
    if (this.status === 101) this.#readFrames();
    else if (this.status !== 0) this.#readBody();
    this.#look();
  }

  #readHead(): void {
    const end = this.#unread.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [first, ...lines] = this.#unread.toString('latin1', 0, end).split('\r\n');
    this.#unread = this.#unread.subarray(end + 4);
    this.body = '';
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    this.status = Number(first!.split(' ')[1]);
  }

  #readFrames(): void {
    for (let next; (next = decodeFrame(this.#unread)) !== undefined; this.#unread = next.rest)
      this.frames.push(next.frame);
    this.#missing = (frameSize(this.#unread) ?? 0) - this.#unread.length;
  }

  #readBody(): void {
    this.body += this.#unread.toString('latin1');
    this.#unread = Buffer.alloc(0);
  }

  #end(how: TcpEnd): void {
    if (this.tcpEnd === 'open') this.tcpEnd = how;
    this.#look();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
