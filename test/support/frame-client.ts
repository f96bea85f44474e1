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

/** How long `next…` and `ended` wait before they throw, ms. */
const PATIENCE = 5_000;

/** A close frame; `code` undefined where it has none. */
export interface CloseSays {
  readonly code: number | undefined;
  readonly reason: string;
}

/** `open`: the server has not ended the TCP connection. */
export type TcpEnd = 'open' | 'fin' | 'rst';

/** What clients of any transport have in common: it sends what it is told, right or wrong, and keeps all it has read. */
export abstract class FrameClient {
  /** Of the HTTP response; 0 before it came. */
  status = 0;
  /** In order, names in lower case. */
  headers: [name: string, value: string][] = [];
  /** Of an HTTP response that opens no WebSocket. */
  body = '';
  /** All frames so far. */
  readonly frames: Frame[] = [];
  /** How the server ended the connection, or the stream. */
  tcpEnd: TcpEnd = 'open';
  #taken = 0;
  #unread: Buffer = Buffer.alloc(0);
  /** What came behind `#unread`: joined only when a frame is whole, or large messages would be copied over and over. */
  #behind: Buffer[] = [];
  #missing = 0;
  readonly #waiting = new Set<() => void>();

  /** Raw bytes; nothing when the transport can take no more. */
  abstract write(bytes: Bytes): void;

  /** Half-closes. */
  abstract end(): void;

  /** RST. */
  abstract reset(): void;

  abstract destroy(): void;

  header(name: string): string | undefined {
    return this.headers.find(([key]) => key === name.toLowerCase())?.[1];
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

  /** The next frame that was not taken yet. Throws when the connection ends instead. */
  async nextFrame(): Promise<Frame> {
    await this.patiently('a frame', () => this.frames.length > this.#taken || this.tcpEnd !== 'open');
    const frame = this.frames[this.#taken++];
    if (frame === undefined)
      throw new Error(`${this.constructor.name}: the connection ended (${this.tcpEnd})`);
    return frame;
  }

  /** The text of the next frame, which must be a whole text message. */
  async nextText(): Promise<string> {
    const { fin, opcode, payload } = await this.nextFrame();
    if (!fin || opcode !== OPCODE.text)
      throw new Error(`${this.constructor.name}: opcode ${opcode} instead of a text`);
    return payload.toString();
  }

  /** What the next frame says, which must be a close frame. */
  async nextClose(): Promise<CloseSays> {
    const frame = await this.nextFrame();
    if (frame.opcode !== OPCODE.close)
      throw new Error(`${this.constructor.name}: opcode ${frame.opcode} instead of a close`);
    const { code, reason } = readClose(frame);
    return { code, reason: reason.toString() };
  }

  /** How the server ends the TCP connection, once it has. */
  async ended(): Promise<TcpEnd> {
    await this.patiently('the end', () => this.tcpEnd !== 'open');
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

  /** Waits until `holds` is true, and throws when it does not become so. */
  protected async patiently(what: string, holds: () => boolean): Promise<void> {
    if (!(await this.until(holds, PATIENCE))) throw new Error(`${this.constructor.name}: no sign of ${what}`);
  }

  protected readFrames(chunk: Buffer): void {
    this.#behind.push(chunk);
    this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    this.#unread = Buffer.concat([this.#unread, ...this.#behind.splice(0)]);
    for (let next; (next = decodeFrame(this.#unread)) !== undefined; this.#unread = next.rest)
      this.frames.push(next.frame);
    this.#missing = (frameSize(this.#unread) ?? 0) - this.#unread.length;
  }

  protected endedBy(how: TcpEnd): void {
    if (this.tcpEnd === 'open') this.tcpEnd = how;
    this.changed();
  }

  /** To be called when something was read: somebody may wait for it. */
  protected changed(): void {
    for (const look of this.#waiting) look();
  }
}
