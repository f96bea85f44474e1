import { constants } from 'node:buffer';
import { WebSocket } from 'ws';
import type { TransportListener } from '../connection/transport.js';
import type { FrameTarget } from './frame-reader.js';
import { feed, isDone } from './ws-internals.js';
import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED } from '../websock/close.js';
import { ProtocolError } from '../websock/errors.js';

const EMPTY = Buffer.alloc(0);
const { MAX_STRING_LENGTH } = constants;

/**
 * A `ws` socket that leaves the closing handshake to its connection: ws answers a close frame or a violation at once, but
 * `terminate` has to run before the close frame leaves.
 */
export class HostedWebSocket extends WebSocket implements FrameTarget {
  /** Set before the first byte is read. */
  listener!: TransportListener;
  #finishing = false;
  #closeReceived = false;
  #violationCode = 0;

  /** Tells the listener what ws finds. */
  listen(listener: TransportListener): void {
    this.listener = listener;
  }

  /** What ws finds it emits. There is one to hear it: five listeners on every connection would cost time and memory. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // Before there is one, and for nobody: that it is open.
    if (this.listener === undefined) return false;
    switch (event) {
      case 'message':
        this.#receiveMessage(args[0] as Buffer, args[1] as boolean);
        break;
      case 'ping':
      case 'pong':
        this.listener.receiveControl([event, args[0] as Buffer]);
        break;
      case 'error':
        this.#receiveError(args[0] as Error);
        break;
      case 'close':
        this.#receiveEnd(args[0] as number, args[1] as Buffer);
    }
    return true;
  }

  // What a FrameReader reads

  receiveText(text: string, bytes: number): void {
    this.listener.receiveMessage(['text', text], bytes);
  }

  receiveBinary(data: Buffer): void {
    this.listener.receiveMessage(['binary', data], data.length);
  }

  passOn(bytes: Buffer): void {
    feed(this, bytes);
  }

  get isOver(): boolean {
    return isDone(this);
  }

  /** Sends the close frame; ws completes the handshake from here on. */
  finish(code: number | undefined, reason: string | Uint8Array): void {
    this.#finishing = true;
    super.close(code, reason as string);
  }

  /** Called by ws itself, where it would answer: to a close frame, with its reason, or to a violation, without one. */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.#finishing) return super.close(code, reason);
    if (code === undefined || reason !== undefined)
      this.#receiveClose(code ?? NO_STATUS_RECEIVED, reason as Buffer | undefined);
    else this.#violationCode = code;
  }

  #receiveMessage(bytes: Buffer, isBinary: boolean): void {
    if (isBinary) this.receiveBinary(bytes);
    else if (bytes.length > MAX_STRING_LENGTH) this.listener.receiveViolation(textTooLong());
    else this.receiveText(bytes.toString(), bytes.length);
  }

  /** ws emits the fault of a violation right after it has called `close`. */
  #receiveError(error: Error): void {
    if (this.#violationCode === 0 || this.#finishing) return;
    // A close frame all the same, only with a code that may not be sent.
    if ((error as NodeJS.ErrnoException).code === 'WS_ERR_INVALID_CLOSE_CODE')
      return this.#receiveClose(this.#violationCode);
    this.listener.receiveViolation(new ProtocolError(this.#violationCode, error.message, { cause: error }));
  }

  /** A close frame that was read only when the socket had gone is known by its code. */
  #receiveEnd(code: number, reason: Buffer): void {
    if (code !== ABNORMAL_CLOSURE && !this.#finishing) this.#receiveClose(code, reason);
    this.listener.transportClosed();
  }

  #receiveClose(code: number, reason: Buffer = EMPTY): void {
    if (this.#closeReceived) return;
    this.#closeReceived = true;
    this.listener.receiveClose(code, reason);
  }
}

/** Without a `maxMessageSize` a client may send more text than a string can hold. */
function textTooLong(): ProtocolError {
  return new ProtocolError(1009, `A text message has at most ${MAX_STRING_LENGTH} bytes`);
}
