import type { Transport, TransportListener } from '../connection/transport.js';
import { isCloseCode, NO_STATUS_RECEIVED } from '../websock/close.js';
import { ProtocolError } from '../websock/errors.js';
import type { ControlMessage, DataMessage, RawMessage, Opcode } from '../websock/message.js';
import { Inbound } from './memory-inbound.js';
import { Outbound } from './memory-outbound.js';
import { bytesOf, frameSize, isControl, reasonFault, received, type WireLimits } from './memory-wire.js';

const PROTOCOL_ERROR = 1002;
const EMPTY = Buffer.alloc(0);

/** What the client's end is told, in order; nothing after `ended`. */
export interface MemoryPeer {
  receiveMessage(message: DataMessage | ControlMessage): void;
  /** The server's close frame; 1005 where it has no code. */
  receiveClose(code: number, reason: Buffer): void;
  /** The transport is gone, after a closing handshake or without one. */
  ended(): void;
}

export type MemoryLimits = WireLimits & { readonly maxBufferedAmount: number };

/**
 * A transport without a socket: both ends of a connection between a handler and a client in the same process.
 *
 * Delivery is synchronous: what the client does has reached the connection when the client's call returns (or waits, in
 * order, until a paused connection reads on), and what the connection sends has reached a client that reads. But the
 * connection is never called from inside a call of its own: what the client does in answer (a pong, its half of the
 * closing handshake), what was held back by a pause, `drained` and the end of the transport come in a microtask.
 */
export class MemoryTransport implements Transport {
  readonly #listener: TransportListener;
  readonly #peer: MemoryPeer;
  readonly #limits: MemoryLimits;
  readonly #inbound = new Inbound();
  readonly #outbound = new Outbound();
  #peerReads = true;
  #peerReset = false;
  /** The client's last word has been read: a close frame or a violation. */
  #concluded = false;
  /** The server's close frame is on its way, and has reached the client. */
  #closing = false;
  #closed = false;
  /** No byte gets through any more; then, that the connection knows. */
  #broken = false;
  #gone = false;

  constructor(listener: TransportListener, peer: MemoryPeer, limits: MemoryLimits) {
    this.#listener = listener;
    this.#peer = peer;
    this.#limits = limits;
  }

  // The server's end

  get bufferedAmount(): number {
    return this.#outbound.waiting;
  }

  get bytesReceived(): number {
    return this.#inbound.bytes;
  }

  get bytesAccepted(): number {
    return this.#outbound.accepted;
  }

  send(opcode: Opcode, payload: string | Uint8Array): boolean {
    if (!this.#isWritable()) return true;
    const bytes = bytesOf(payload);
    this.#listener.sent(opcode, bytes.length);
    const message = (opcode === 'text' ? [opcode, bytes.toString()] : [opcode, bytes]) as DataMessage;
    this.#push(bytes.length, () => this.#peer.receiveMessage(message));
    if (this.#outbound.waiting <= this.#limits.maxBufferedAmount) return true;
    this.#outbound.mark();
    return false;
  }

  pause(): void {
    this.#inbound.pause();
  }

  resume(): void {
    this.#inbound.resume();
  }

  close(code: number | undefined, reason: string | Uint8Array): void {
    if (!this.#isWritable()) return;
    this.#closing = true;
    const bytes = bytesOf(reason);
    this.#push(code === undefined ? 0 : 2 + bytes.length, () => {
      this.#closed = true;
      this.#peer.receiveClose(code ?? NO_STATUS_RECEIVED, bytes);
      if (this.#concluded) this.#break();
    });
    this.#inbound.resume();
  }

  destroy(): void {
    this.#break();
  }

  // The client's end

  /** The client sends a message, in one frame. */
  receive([opcode, payload]: RawMessage): void {
    const bytes = bytesOf(payload);
    this.#arrive(frameSize(bytes.length, true), () => {
      const message = received(opcode, bytes, this.#limits);
      if (message instanceof ProtocolError) this.#conclude(() => this.#listener.receiveViolation(message));
      else if (isControl(message)) this.#listener.receiveControl(message);
      else this.#listener.receiveMessage(message, bytes.length);
    });
  }

  /** The client sends its close frame. One with a code that may not be sent counts as 1002, as on the wire. */
  receiveClose(code: number | undefined, reason: Buffer): void {
    const fault = reasonFault(reason, this.#limits);
    const isAllowed = code === undefined || isCloseCode(code);
    this.#arrive(frameSize(code === undefined ? 0 : 2 + reason.length, true), () =>
      this.#conclude(() => {
        if (!isAllowed) this.#listener.receiveClose(PROTOCOL_ERROR, EMPTY);
        else if (fault !== undefined) this.#listener.receiveViolation(fault);
        else this.#listener.receiveClose(code ?? NO_STATUS_RECEIVED, reason);
      }),
    );
  }

  /** The client breaks the protocol. */
  receiveViolation(error: ProtocolError): void {
    this.#arrive(frameSize(0, true), () => this.#conclude(() => this.#listener.receiveViolation(error)));
  }

  /** The client's FIN, behind what it has sent. */
  receiveEnd(): void {
    this.#inbound.push(0, () => this.#end());
  }

  /** The client's RST: noticed at once if anything waits for the client, else behind what it has sent, or at the next write. */
  receiveReset(): void {
    this.#peerReset = true;
    if (this.#outbound.waiting > 0) this.#break();
    else this.receiveEnd();
  }

  /** The client takes what is sent, or does not. */
  setPeerReads(reads: boolean): void {
    this.#peerReads = reads;
    if (reads) this.take(Infinity);
  }

  /** The client takes so many of the bytes that wait for it. */
  take(bytes: number): void {
    this.#inbound.hold(() => this.#outbound.take(bytes));
    if (this.#outbound.reached()) queueMicrotask(() => this.#gone || this.#listener.drained());
  }

  #push(payloadSize: number, deliver: () => void): void {
    this.#outbound.push(frameSize(payloadSize, false), deliver);
    if (this.#peerReads) this.take(Infinity);
  }

  #isWritable(): boolean {
    if (this.#peerReset) this.#break();
    return !this.#closing && !this.#broken;
  }

  #arrive(size: number, read: () => void): void {
    if (this.#broken) return;
    this.#inbound.push(size, () => {
      if (!this.#concluded) read();
    });
  }

  /** Once the close frame has been sent, the client's last word ends the closing handshake. */
  #conclude(tell: () => void): void {
    this.#concluded = true;
    if (!this.#closing) tell();
    else if (this.#closed) this.#break();
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#inbound.clear();
    this.#outbound.clear();
    queueMicrotask(() => this.#end());
  }

  #end(): void {
    if (this.#gone) return;
    this.#broken = true;
    this.#gone = true;
    this.#inbound.clear();
    this.#outbound.clear();
    if (this.#outbound.reached(true)) this.#listener.drained();
    this.#listener.transportClosed();
    this.#peer.ended();
  }
}
