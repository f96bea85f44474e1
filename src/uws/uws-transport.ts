import { constants } from 'node:buffer';
import type { Transport, TransportListener } from '../connection/transport.js';
import { ABNORMAL_CLOSURE } from '../websock/close.js';
import { ProtocolError } from '../websock/errors.js';
import type { Opcode } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { UwsWebSocket } from './uws-app.js';
import { keep } from './received.js';
import { isReading, startReading, flushLater } from './uws-tick.js';
import { isBadClose, violationOf } from './uws-violation.js';

/** What `send` of uWS returns for a message that it did not take, because more than its limit waits. */
const DROPPED = 2;
const SENT = 1;

const PROTOCOL_ERROR = 1002;
const EMPTY = Buffer.alloc(0);

const { MAX_STRING_LENGTH } = constants;

/** A message that waits for the end of the tick, or for uWS to take it. */
type Waiting = readonly [opcode: Opcode, payload: string | Uint8Array, bytes: number];

export interface UwsLimits extends Pick<
  ResolvedOptions,
  'maxBufferedAmount' | 'maxMessageSize' | 'maxFrameSize'
> {
  /** Messages of so many bytes and more are compressed; Infinity: none are. */
  readonly compressFrom: number;
}

/** A connection's transport on a WebSocket of uWS. */
export class UwsTransport implements Transport {
  readonly cannotPause = true;
  readonly #listener: TransportListener;
  readonly #maxBufferedAmount: number;
  readonly #maxPayload: number;
  readonly #compressFrom: number;
  /** Undefined once it is closed: uWS throws for whatever is done with it then. */
  #ws: UwsWebSocket | undefined;
  #received = 0;
  #handedOver = 0;
  #accepted = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing = false;
  /** `send` has returned false, and `drained()` has not been called since. */
  #isFull = false;
  /** Set while uWS, which has sent the pong itself, tells of a ping. */
  #answersPing = false;
  /** The client's last word has been read: a violation. */
  #concluded = false;
  /** The close frame, until what waits has left. */
  #close: { readonly code: number; readonly reason: string | Uint8Array } | undefined;
  /** The server ends the connection. */
  #isEnding = false;

  constructor(ws: UwsWebSocket, listener: TransportListener, limits: UwsLimits) {
    this.#ws = ws;
    this.#listener = listener;
    this.#maxBufferedAmount = limits.maxBufferedAmount;
    this.#maxPayload = Math.min(limits.maxFrameSize, limits.maxMessageSize, MAX_STRING_LENGTH);
    this.#compressFrom = limits.compressFrom;
  }

  // The connection's side

  get bufferedAmount(): number {
    return this.#ws === undefined ? 0 : this.#ws.getBufferedAmount() + this.#waitingBytes;
  }

  get bytesReceived(): number {
    return this.#received;
  }

  get bytesAccepted(): number {
    // Pongs of uWS's own wait as well; what they add must not pass for progress.
    const buffered = this.#ws?.getBufferedAmount() ?? 0;
    return (this.#accepted = Math.max(this.#accepted, this.#handedOver - buffered));
  }

  send(opcode: Opcode, payload: string | Uint8Array): boolean {
    const ws = this.#ws;
    if (ws === undefined || this.#close !== undefined) return true;
    if (opcode === 'pong') return this.#countPong(payload);
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    this.#listener.sent(opcode, bytes);
    // uWS writes once what is sent while it reads a chunk of this connection.
    if (isReading(this) && this.#waiting.length === 0) return this.#hand(ws, opcode, payload, bytes);
    this.#enqueue(opcode, payload, bytes);
    if (!this.#flushing) {
      this.#flushing = true;
      flushLater(this);
    }
    return this.#isBelowMark();
  }

  /** uWS cannot stop reading. */
  pause(): void {}

  resume(): void {}

  close(code: number | undefined, reason: string | Uint8Array): void {
    if (this.#ws === undefined || this.#close !== undefined) return;
    this.#close = { code: code ?? 0, reason };
    this.#flush();
    this.#endWhenDrained();
  }

  destroy(): void {
    this.#isEnding = true;
    this.#ws?.close();
  }

  // uWS's side

  receive(message: ArrayBuffer, isBinary: boolean): void {
    const bytes = message.byteLength;
    this.#received += bytes + 1;
    if (this.#concluded) return;
    if (bytes > this.#maxPayload)
      return this.#violate(1009, `A message has at most ${this.#maxPayload} bytes`);
    startReading(this);
    this.#listener.receiveMessage(
      isBinary ? ['binary', keep(message)] : ['text', Buffer.from(message).toString()],
      bytes,
    );
  }

  receivePing(message: ArrayBuffer): void {
    this.#received += message.byteLength + 1;
    if (this.#concluded) return;
    startReading(this);
    this.#answersPing = true;
    this.#listener.receiveControl(['ping', keep(message)]);
    this.#answersPing = false;
  }

  receivePong(message: ArrayBuffer): void {
    this.#received += message.byteLength + 1;
    if (this.#concluded) return;
    startReading(this);
    this.#listener.receiveControl(['pong', keep(message)]);
  }

  /** Some of what waited has been taken. */
  drain(): void {
    this.#flush();
    this.#endWhenDrained();
  }

  /** uWS has closed it, and answered a close frame already. */
  closed(code: number, message: ArrayBuffer): void {
    this.#ws = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    // Within a call of the connection's: it must not be called from there.
    if (this.#isEnding) return queueMicrotask(() => this.#listener.transportClosed());
    if (!this.#concluded) this.#conclude(code, keep(message));
    this.#listener.transportClosed();
  }

  #conclude(code: number, message: Buffer): void {
    if (code !== ABNORMAL_CLOSURE) return this.#listener.receiveClose(code, message);
    const text = message.toString();
    const violation = violationOf(text);
    if (violation !== undefined) this.#listener.receiveViolation(violation);
    else if (isBadClose(text)) this.#listener.receiveClose(PROTOCOL_ERROR, EMPTY);
  }

  /** The tick is over. */
  flush(): void {
    this.#flushing = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#ws === undefined) return;
    if (this.#waiting.length > 0) this.#ws.cork(this.#handWaiting);
    // While it closes the connection waits for nothing more, and must not be called from its own call.
    if (this.#isFull && this.#close === undefined && this.bufferedAmount === 0) {
      this.#isFull = false;
      this.#listener.drained();
    }
  }

  readonly #handWaiting = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [opcode, payload, bytes] of waiting) {
      if (this.#waiting.length > 0) this.#enqueue(opcode, payload, bytes);
      else this.#hand(this.#ws!, opcode, payload, bytes);
    }
  };

  /** False when more than `maxBufferedAmount` waits. */
  #hand(ws: UwsWebSocket, opcode: Opcode, payload: string | Uint8Array, bytes: number): boolean {
    const status =
      opcode === 'ping'
        ? ws.ping(payload)
        : ws.send(payload, opcode === 'binary', bytes >= this.#compressFrom);
    if (status === DROPPED) this.#enqueue(opcode, payload, bytes);
    else this.#handedOver += bytes + headerSize(bytes);
    return status === SENT || this.#isBelowMark();
  }

  #enqueue(opcode: Opcode, payload: string | Uint8Array, bytes: number): void {
    this.#waiting.push([opcode, payload, bytes]);
    this.#waitingBytes += bytes + headerSize(bytes);
  }

  #isBelowMark(): boolean {
    if (this.bufferedAmount <= this.#maxBufferedAmount) return true;
    this.#isFull = true;
    return false;
  }

  /** uWS has none to be sent, but answers pings by itself. */
  #countPong(payload: string | Uint8Array): boolean {
    if (this.#answersPing) this.#listener.sent('pong', Buffer.byteLength(payload));
    return true;
  }

  #violate(code: number, message: string): void {
    this.#concluded = true;
    this.#listener.receiveViolation(new ProtocolError(code, message));
  }

  /** What waits leaves first: uWS would let go of the socket, which could be cut off no more. */
  #endWhenDrained(): void {
    if (this.#ws === undefined || this.#close === undefined || this.bufferedAmount > 0) return;
    this.#isEnding = true;
    this.#ws.end(this.#close.code, this.#close.reason);
  }
}

/** Of a server's frame (RFC 6455 §5.2). */
function headerSize(bytes: number): number {
  if (bytes < 126) return 2;
  return bytes < 65_536 ? 4 : 10;
}
