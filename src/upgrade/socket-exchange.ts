import type { EventEmitter } from 'node:events';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Writable, type Duplex } from 'node:stream';
import type { Places } from '../websock/places.js';
import { Exchange } from './exchange.js';
import type { Door } from './door.js';
import { destroySoon, handOver, refuse } from './refusal.js';

type WriteHead = ServerResponse['writeHead'];

/** An upgrade request of HTTP/1.1 (RFC 9110 §7.8): its response is made here, on the raw socket. */
export class SocketExchange extends Exchange {
  readonly response: ServerResponse;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, door: Door, others: Places<Exchange>) {
    super(request, socket, head, door, others);
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = false;
    // Express gives each response another prototype, and each property that comes after that costs it a hidden class of its
    // own. These two come in any case.
    Object.assign(this.response, { statusCode: 200, statusMessage: undefined });
    this.response.assignSocket(socket as Socket);
    // An own property, below whatever wraps it later: Express swaps the response's prototype.
    this.response.writeHead = this.#writeHead;
    socket.on('drain', this.#onDrain);
    this.begin();
    // Node would: it is what tells access logs and the like that the response is over.
    this.response.once('finish', emitCloseSoon);
  }

  protected divert(): void {
    const { response, socket } = this;
    socket.off('drain', this.#onDrain);
    response.detachSocket(socket as Socket);
    // end(chunk) corks the socket before it writes the head; left corked, the 101 would never leave.
    while (socket.writableCorked > 0) socket.uncork();
    response.assignSocket(new Nowhere({ decodeStrings: false }) as unknown as Socket);
  }

  protected answer(status: number, message: string, headers?: Readonly<Record<string, string>>): void {
    refuse(this.socket, status, message, headers);
  }

  protected letGo(): void {
    this.socket.off('drain', this.#onDrain);
    this.response.detachSocket(this.socket as Socket);
    destroySoon(this.socket);
  }

  protected handOver(): void {
    handOver(this.socket);
  }

  protected override over(): void {
    // Node would; without a body of its own the request has no other end.
    emitCloseSoon.call(this.request);
  }

  /** Node has taken its own listener off the socket; a response that is piped into would wait for ever. */
  readonly #onDrain = (): void => {
    if (this.response.writableNeedDrain) this.response.emit('drain');
  };

  readonly #writeHead = ((status, reason, headers) => {
    const { response } = this;
    const { writeHead } = ServerResponse.prototype;
    if (this.takeHead(status, typeof reason === 'string' ? headers : reason))
      return writeHead.call(response, 101);
    // What the client still sends is of no use, and only who reads notices that it leaves.
    this.socket.resume();
    return Reflect.apply(writeHead, response, [status, reason, headers]);
  }) as WriteHead;
}

function emitCloseSoon(this: EventEmitter): void {
  process.nextTick(emitClose, this);
}

function emitClose(emitter: EventEmitter): void {
  emitter.emit('close');
}

/** Where the rest of a response goes that became a WebSocket. */
class Nowhere extends Writable {
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}
