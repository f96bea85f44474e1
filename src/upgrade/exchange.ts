import {
  ServerResponse,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
} from 'node:http';
import type { Socket } from 'node:net';
import { Writable, type Duplex } from 'node:stream';
import { MAX_INT32, type WebSockOptions } from '../websock/options.js';
import { asksForWebSocket } from './handshake.js';
import { putSlot, slotOf, type UpgradeIntent, type UpgradeSlot } from './intent.js';
import type { Door } from './pipeline.js';
import { destroySoon, handOver, refuse } from './refusal.js';

/** Headers of the app's response that have no place on a 101. */
const NOT_ON_101 = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'etag',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a client learns that comes too late. */
export const SHUTTING_DOWN = 'The server is shutting down';

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * One upgrade request on its way through the app: a response on the raw socket that the app writes as any other, and the
 * switch to the WebSocket in place of a 2xx once the app has decided to upgrade.
 */
export class Exchange implements UpgradeSlot {
  readonly response: ServerResponse;
  intent: UpgradeIntent | undefined;
  /**
   * - `open`: the app decides
   * - `switching`: it has decided to upgrade; the rest of its response goes nowhere
   * - `answered`: an ordinary response is on its way, or a refusal of ours has left
   * - `over`
   */
  #phase: 'open' | 'switching' | 'answered' | 'over' = 'open';
  #headers: [string, string][] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #start = performance.now();

  constructor(
    private readonly request: IncomingMessage,
    private readonly socket: Duplex,
    private readonly head: Buffer,
    private readonly door: Door,
    private readonly onOver: () => void,
  ) {
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = false;
    this.response.assignSocket(socket as Socket);
    // An own property, below whatever wraps it later: Express swaps the response's prototype.
    this.response.writeHead = this.#writeHead as ServerResponse['writeHead'];
    this.response.once('finish', this.#onFinish);
    socket.once('close', this.#onGone);
    socket.once('end', this.#onGone);
    this.limit(door.upgradeTimeout);
    // Another protocol (h2c) is an ordinary request.
    if (asksForWebSocket(request)) putSlot(request, this);
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.response.headersSent;
  }

  get defaults(): WebSockOptions {
    return this.door.defaults;
  }

  setHeader(name: string, value: string): void {
    this.response.setHeader(name, value);
  }

  limit(upgradeTimeout: number): void {
    clearTimeout(this.#timer);
    if (upgradeTimeout > MAX_INT32) return;
    const left = Math.max(0, upgradeTimeout - (performance.now() - this.#start));
    this.#timer = setTimeout(
      () => this.refuse(503, `The upgrade took longer than ${upgradeTimeout} ms`),
      left + 1,
    );
  }

  /** Refuses in place of the app, whose response goes nowhere from here on. */
  refuse(status: number, message: string): void {
    if (this.#phase !== 'open' || this.response.headersSent) return;
    this.#takeSocket();
    this.#phase = 'answered';
    refuse(this.socket, status, message);
    this.door.refused(status, message);
    this.#end();
  }

  readonly #writeHead = (status: number, reason?: string | Headers, headers?: Headers): ServerResponse => {
    const given = typeof reason === 'string' ? headers : reason;
    if (this.#phase === 'open' && this.intent !== undefined && status >= 200 && status < 300)
      return this.#switch(given);
    if (this.#phase === 'open') this.#phase = 'answered';
    return Reflect.apply(ServerResponse.prototype.writeHead, this.response, [
      status,
      reason,
      headers,
    ]) as ServerResponse;
  };

  /** In place of the app's 2xx: what it set is kept for the 101, its body goes nowhere. */
  #switch(given: Headers | undefined): ServerResponse {
    const { response } = this;
    mergeHeaders(response, given);
    this.#headers = headersFor101(response);
    for (const name of response.getHeaderNames()) if (NOT_ON_101.has(name)) response.removeHeader(name);
    this.#takeSocket();
    this.#phase = 'switching';
    return ServerResponse.prototype.writeHead.call(response, 101);
  }

  /** Detaches the response from the socket; what the app writes from here on goes nowhere. */
  #takeSocket(): void {
    const { response, socket } = this;
    response.detachSocket(socket as Socket);
    // end(chunk) corks the socket before it writes the head; left corked, the 101 would never leave.
    while (socket.writableCorked > 0) socket.uncork();
    response.assignSocket(new Nowhere() as unknown as Socket);
  }

  // At 'finish', not in writeHead: sessions are saved between the two.
  readonly #onFinish = (): void => {
    const phase = this.#phase;
    if (phase === 'over') return;
    this.#end();
    if (phase === 'switching') this.#accept();
    else this.#close();
    // Node would: it is what tells access logs and the like that the response is over.
    process.nextTick(() => this.response.emit('close'));
  };

  #accept(): void {
    const { request, socket, head, door } = this;
    if (socket.destroyed) return;
    if (door.isShut) return refuse(socket, 503, SHUTTING_DOWN);
    handOver(socket);
    door.accept({ request, socket, head, intent: this.intent!, headers: this.#headers });
  }

  /** After an ordinary response. */
  #close(): void {
    const { response, socket, door } = this;
    response.detachSocket(socket as Socket);
    if (slotOf(this.request) === this) door.refused(response.statusCode, response.statusMessage);
    destroySoon(socket);
  }

  /** FIN, RST or the socket's end while the app decides. */
  readonly #onGone = (): void => {
    this.socket.destroy();
    this.#end();
  };

  #end(): void {
    this.#phase = 'over';
    clearTimeout(this.#timer);
    this.socket.off('close', this.#onGone);
    this.socket.off('end', this.#onGone);
    this.onOver();
  }
}

/** Where the rest of a response goes that became a WebSocket. */
class Nowhere extends Writable {
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

function mergeHeaders(response: ServerResponse, given: Headers | undefined): void {
  if (given === undefined) return;
  const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given);
  for (const [name, value] of pairs) {
    if (value !== undefined) response.setHeader(name, value as OutgoingHttpHeader as string);
  }
}

function pairsOf(flat: OutgoingHttpHeader[]): [string, unknown][] {
  const pairs: [string, unknown][] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([String(flat[i]), flat[i + 1]]);
  return pairs;
}

function headersFor101(response: ServerResponse): [string, string][] {
  const kept: [string, string][] = [];
  for (const name of response.getHeaderNames()) {
    if (NOT_ON_101.has(name) || name.startsWith('sec-websocket-')) continue;
    for (const value of [response.getHeader(name) ?? []].flat()) kept.push([name, String(value)]);
  }
  return kept;
}
