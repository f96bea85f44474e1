import { EventEmitter } from 'node:events';
import { isAnyArrayBuffer } from 'node:util/types';
import { stopped, type Ending } from '../connection/ending.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { isCloseCode, MAX_CLOSE_REASON_BYTES, NO_STATUS_RECEIVED } from '../websock/close.js';
import { wakeSoon } from '../connection/wake.js';
import type { RawMessage } from '../websock/message.js';
import { Outbox, type SendCallback } from './outbox.js';
import { SocketEventTarget } from './socket-events.js';

/** What can be sent. Numbers are sent as text, as ws does. */
export type SocketData = string | number | Buffer | ArrayBufferLike | ArrayBufferView | readonly Buffer[];

/** Options of `send`. Those of ws that are not here are accepted and have no effect: the connection decides. */
export interface SendOptions {
  /** Whether it is a binary message. Default: whether the data is no string. */
  binary?: boolean | undefined;
}

/** Called once a ping or a pong has been handed over, or with why it has not. ws has it that there always is an error. */
export type ControlCallback = (error: any) => void;

/** How binary messages are given to listeners: as a `Buffer`, an `ArrayBuffer`, a list of `Buffer`s. */
export type SocketBinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments';

const BINARY_TYPES: readonly unknown[] = [
  'nodebuffer',
  'arraybuffer',
  'fragments',
] satisfies SocketBinaryType[];
const NOTHING = new Uint8Array(0);
/** RFC 6455 §5.5 */
const MAX_CONTROL_BYTES = 125;
const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/**
 * A socket for server libraries, with the interface of `ws`'s `WebSocket` on the server side: it is open when its listener gets it.
 * Events: `message (data, isBinary)`, `ping (data)`, `pong (data)`, `error (error)`, `close (code, reason)`, in the connection's async context.
 *
 * Where ws differs: `'error'` without a listener is not thrown; a listener that throws closes this connection with 1011, not the process.
 */
export class HostedSocket extends SocketEventTarget {
  /** 0: never, a hosted socket is open from the first. */
  static readonly CONNECTING = 0;
  /** 1 */
  static readonly OPEN = 1;
  /** 2 */
  static readonly CLOSING = 2;
  /** 3 */
  static readonly CLOSED = 3;
  /** 0 */
  readonly CONNECTING = 0;
  /** 1 */
  readonly OPEN = 1;
  /** 2 */
  readonly CLOSING = 2;
  /** 3 */
  readonly CLOSED = 3;

  /** The subprotocol, `''` when there is none. */
  readonly protocol: string;
  /** The extensions, as ws names them; `''`: whether frames are compressed is the connection's business. */
  readonly extensions = '';
  /** `''`: the socket is the server's. */
  readonly url = '';
  /** @internal What libraries ask of Node's socket behind one of ws: whom it goes to, and, for streams around it, whether it has ended. */
  readonly _socket: NodeSocket;

  readonly #connection: LiveConnection;
  readonly #outbox: Outbox;
  #state: 0 | 1 | 2 | 3 = 1;
  #isPaused = false;
  #binaryType: SocketBinaryType = 'nodebuffer';

  /** @internal Made by `hostSocket`. */
  constructor(connection: LiveConnection) {
    super();
    this.#connection = connection;
    this.#outbox = new Outbox(connection);
    this.protocol = connection.request.protocol;
    this._socket = new NodeSocket(connection.request.remoteAddress);
    connection.speaker = this;
  }

  /** 1 (OPEN), 2 (CLOSING: `close` was called, or the end is decided) or 3 (CLOSED). */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#state === 1 && this.#connection.isEnding ? 2 : this.#state;
  }

  /** Bytes that the kernel has not taken. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount + this.#outbox.bytes;
  }

  /** Whether the client's messages are held back. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** How binary messages are given. Default `'nodebuffer'`. */
  get binaryType(): SocketBinaryType {
    return this.#binaryType;
  }

  /** Other values are ignored. */
  set binaryType(type: SocketBinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  /**
   * Sends a message. `callback` is called when it has been handed over, which waits for a client that does not drain: send no more
   * before. Past `maxMailbox` messages that wait, or 16 times `maxBufferedAmount` bytes, the connection ends with 1013. On a socket that is not open the callback gets an error.
   */
  send(data: SocketData, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    const [given, done] = typeof options === 'function' ? [{}, options] : [options, callback];
    const payload = payloadOf(data);
    const isBinary = given?.binary ?? typeof payload !== 'string';
    this.#send([isBinary ? 'binary' : 'text', payload], done);
  }

  /** Sends a ping with at most 125 bytes of payload (RFC 6455 §5.5). */
  ping(
    data?: SocketData | ControlCallback,
    mask?: boolean | ControlCallback,
    callback?: ControlCallback,
  ): void {
    this.#control('ping', data, mask, callback);
  }

  /** Sends a pong that no ping asked for. Pings are answered without it. */
  pong(
    data?: SocketData | ControlCallback,
    mask?: boolean | ControlCallback,
    callback?: ControlCallback,
  ): void {
    this.#control('pong', data, mask, callback);
  }

  /**
   * Closes, after what has been sent. Without a code the close frame has none.
   *
   * @throws TypeError for a code that may not be sent (RFC 6455 §7.4), RangeError for a reason of more than 123 bytes
   */
  close(code?: number, reason: string | Uint8Array = ''): void {
    if (this.#state !== HostedSocket.OPEN) return;
    if (code !== undefined && !isCloseCode(code))
      throw new TypeError(`${code} is no close code that may be sent`);
    if (Buffer.byteLength(reason) > MAX_CLOSE_REASON_BYTES)
      throw new RangeError(`A close reason has at most ${MAX_CLOSE_REASON_BYTES} bytes`);
    this.#state = HostedSocket.CLOSING;
    this.#outbox.whenEmpty(() => this.#connection.stop(closing(code, reason)));
  }

  /** Drops the connection without a close frame. */
  terminate(): void {
    if (this.#state === HostedSocket.CLOSED) return;
    this.#state = HostedSocket.CLOSING;
    this.#connection.drop();
  }

  /** Holds the client's messages back. */
  pause(): void {
    if (this.readyState !== HostedSocket.OPEN || this.#isPaused) return;
    this.#isPaused = true;
  }

  /** Lets them come again. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    wakeSoon(this.#connection);
  }

  // What the connection asks and tells

  /** @internal */
  get isHolding(): boolean {
    return this.#isPaused;
  }

  /** @internal */
  proceed(): void {
    this.#outbox.proceed();
  }

  /** @internal */
  receiveMessage(data: string | Buffer): void {
    if (typeof data === 'string') this.emit('message', Buffer.from(data), false);
    else this.emit('message', this.#shape(data), true);
  }

  /** @internal */
  receiveControl(opcode: 'ping' | 'pong', data: Buffer): void {
    this.emit(opcode, data);
  }

  /** @internal The connection has ended. */
  ended(code: number, reason: string, violation: Error | undefined): void {
    this.#state = HostedSocket.CLOSED;
    this.#outbox.drop(notOpen(HostedSocket.CLOSED));
    try {
      // An emitter throws an 'error' that nobody listens to.
      if (violation !== undefined && this.listenerCount('error') > 0) this.emit('error', violation);
    } finally {
      this._socket.end();
      this.emit('close', code, Buffer.from(reason));
    }
  }

  #send(message: RawMessage, done: SendCallback | undefined): void {
    const state = this.readyState;
    if (state === HostedSocket.OPEN) return this.#outbox.send(message, done);
    if (done !== undefined) process.nextTick(done, notOpen(state));
  }

  #control(
    opcode: 'ping' | 'pong',
    data: SocketData | ControlCallback | undefined,
    mask: boolean | ControlCallback | undefined,
    callback: ControlCallback | undefined,
  ): void {
    const done = [data, mask, callback].find((given) => typeof given === 'function') as
      ControlCallback | undefined;
    const payload = typeof data === 'function' ? '' : payloadOf(data);
    if (Buffer.byteLength(payload) > MAX_CONTROL_BYTES)
      throw new RangeError(`A ${opcode} has at most ${MAX_CONTROL_BYTES} bytes of payload`);
    this.#send([opcode, payload], done);
  }

  #shape(data: Buffer): Buffer | ArrayBufferLike | Buffer[] {
    if (this.#binaryType === 'nodebuffer') return data;
    if (this.#binaryType === 'fragments') return [data];
    const { buffer, byteOffset, byteLength } = data;
    return buffer.slice(byteOffset, byteOffset + byteLength);
  }
}

/** The parts of a Node socket that are asked for: the client's address, and what a stream around a WebSocket waits for. */
class NodeSocket extends EventEmitter {
  readonly _writableState = { finished: false };

  constructor(readonly remoteAddress: string | undefined) {
    super();
  }

  end(): void {
    this._writableState.finished = true;
    this.emit('finish');
  }
}

/** As ws takes it: nothing is an empty message. */
function payloadOf(data: SocketData | undefined | null): string | Uint8Array {
  if (data === undefined || data === null) return NOTHING;
  if (typeof data === 'string') return data;
  if (typeof data === 'number') return data.toString();
  if (isAnyArrayBuffer(data)) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (Array.isArray(data)) return Buffer.concat(data as Buffer[]);
  throw new TypeError('send: the data must be a string, a Buffer, an ArrayBuffer or a view of one');
}

/** Without a code the close frame has none, and no reason (RFC 6455 §5.5.1). */
function closing(code: number | undefined, closeReason: string | Uint8Array): Ending {
  const detail = code === undefined ? { code: NO_STATUS_RECEIVED, closeReason: '' } : { code, closeReason };
  return stopped({ reason: 'normal', ...detail, detailed: true });
}

function notOpen(state: number): Error {
  return new Error(`WebSocket is not open: readyState ${state} (${STATES[state]})`);
}
