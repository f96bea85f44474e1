import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode, UpgradeError } from '../websock/errors.js';
import { MAX_INT32, type WebSockOptions } from '../websock/options.js';
import type { Placed, Places } from '../websock/places.js';
import { putSlot, type UpgradeIntent, type UpgradeSlot } from './intent.js';
import type { Door } from './door.js';

/** Headers of the app's response that have no place where a WebSocket opens. */
const NOT_FOR_A_WEBSOCKET = new Set([
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

/** A response of HTTP/1.1 or HTTP/2, as far as both are alike. */
export type AnyResponse = Pick<
  ServerResponse,
  | 'statusCode'
  | 'headersSent'
  | 'setHeader'
  | 'getHeader'
  | 'getHeaderNames'
  | 'removeHeader'
  | 'emit'
  | 'once'
>;

/**
 * One upgrade request on its way through the app: the app writes its response as any other, and in place of a 2xx the
 * WebSocket opens once the app has decided to upgrade. How that is done on the wire is up to the two kinds of exchange.
 */
export abstract class Exchange implements UpgradeSlot, Placed {
  /** Among those that are open. */
  place = -1;
  abstract readonly response: AnyResponse;
  intent: UpgradeIntent | undefined;
  refusal: UpgradeError | undefined;
  /**
   * - `open`: the app decides
   * - `switching`: it has decided to upgrade; the rest of its response goes nowhere
   * - `answered`: an ordinary response is on its way
   * - `over`
   */
  #phase: 'open' | 'switching' | 'answered' | 'over' = 'open';
  #isLost = false;
  #headers: [string, string][] = [];
  #limit: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #start = performance.now();

  constructor(
    protected readonly request: IncomingMessage,
    /** Becomes the WebSocket's. */
    protected readonly socket: Duplex,
    private readonly head: Buffer,
    private readonly door: Door,
    private readonly others: Places<Exchange>,
  ) {
    others.add(this);
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.response.headersSent;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get defaults(): WebSockOptions {
    return this.door.defaults;
  }

  get handlers(): ReadonlyMap<unknown, unknown> {
    return this.door.handlers;
  }

  checkRoom(address: string | undefined): void {
    const full = this.door.isFull(address);
    if (full !== undefined) throw full;
  }

  setHeader(name: string, value: string): void {
    this.response.setHeader(name, value);
  }

  limit(upgradeTimeout: number): void {
    if (upgradeTimeout === this.#limit) return;
    this.#limit = upgradeTimeout;
    clearTimeout(this.#timer);
    if (upgradeTimeout > MAX_INT32) return;
    const left = Math.max(0, upgradeTimeout - (performance.now() - this.#start));
    const refuse = () =>
      this.refuse(503, `The upgrade took longer than ${upgradeTimeout} ms`, 'WEBSOCK_UPGRADE_TIMEOUT');
    this.#timer = setTimeout(refuse, Math.min(left + 1, MAX_INT32));
  }

  /** Refuses in place of the app, whose response goes nowhere from here on; also where it has begun one and does not end it. */
  refuse(status: number, message: string, code: ErrorCode): void {
    const isSwitching = this.#phase === 'switching';
    if (!this.isOpen && !isSwitching) return;
    this.#isLost = true;
    if (!isSwitching) this.divert();
    this.#turnAway(status, message, code);
    this.#end();
  }

  /** Takes the response off the wire: what the app writes from here on goes nowhere, and ends in 'finish' all the same. */
  protected abstract divert(): void;

  /** Answers on the wire in place of the app, and lets the client go. */
  protected abstract answer(status: number, message: string, headers?: UpgradeError['headers']): void;

  /** Lets the client go after the app's ordinary response. */
  protected abstract letGo(): void;

  /** The wire is free for the WebSocket. */
  protected abstract handOver(): void;

  /** Nothing more happens to the request. */
  protected over(): void {}

  /** To be called by the constructor, once the response exists. */
  protected begin(): void {
    this.response.once('finish', this.#onFinish);
    this.socket.on('close', this.#onGone).on('end', this.#onGone);
    this.limit(this.door.upgradeTimeout);
    putSlot(this.request, this);
  }

  /** To be called by the response's writeHead. True: the app's 2xx has become the WebSocket's, its body goes nowhere. */
  protected takeHead(status: number, given: Headers | undefined): boolean {
    if (this.#phase !== 'open') return false;
    if (this.intent === undefined || status < 200 || status > 299) {
      this.#phase = 'answered';
      return false;
    }
    this.#phase = 'switching';
    mergeHeaders(this.response, given);
    this.#headers = takeHeaders(this.response);
    this.divert();
    return true;
  }

  // At 'finish', not in writeHead: sessions are saved between the two.
  readonly #onFinish = (): void => {
    const phase = this.#phase;
    if (phase === 'over') return;
    // On HTTP/2 a client that goes away finishes the response as well.
    if (phase === 'open') return this.#onGone();
    this.#end();
    if (phase === 'switching') this.#accept();
    else this.#close();
  };

  #accept(): void {
    const { request, socket, head, door } = this;
    if (socket.destroyed) return;
    if (door.isShut) return this.#turnAway(503, SHUTTING_DOWN, 'WEBSOCK_UPGRADE_DRAINING');
    // Others may have come in since it was asked.
    const full = door.isFull(this.intent!.request.remoteAddress);
    if (full !== undefined) return this.#turnAway(full.status, full.message, full.code, full.headers);
    this.handOver();
    door.accept({ request, socket, head, intent: this.intent!, headers: this.#headers });
  }

  #turnAway(status: number, message: string, code: ErrorCode, headers?: UpgradeError['headers']): void {
    this.answer(status, message, headers);
    this.door.refused(status, message, code);
  }

  #close(): void {
    const { response, refusal, door } = this;
    door.refused(response.statusCode, refusal?.message ?? '', refusal?.code);
    this.letGo();
  }

  /** FIN, RST or the socket's end while the app decides. */
  readonly #onGone = (): void => {
    if (this.#phase === 'over') return;
    this.#isLost = this.#phase === 'open';
    this.socket.destroy();
    this.#end();
  };

  #end(): void {
    this.#phase = 'over';
    clearTimeout(this.#timer);
    this.socket.off('close', this.#onGone);
    this.socket.off('end', this.#onGone);
    this.others.remove(this);
    this.over();
  }
}

/** What writeHead was given, on top of what was set before. */
export function mergeHeaders(response: AnyResponse, given: Headers | undefined): void {
  if (given === undefined) return;
  const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given);
  for (const [name, value] of pairs) {
    if (value !== undefined) response.setHeader(name, value as OutgoingHttpHeader as string);
  }
}

/** A name that is repeated has all its values. */
function pairsOf(flat: OutgoingHttpHeader[]): [string, unknown][] {
  const values = new Map<string, unknown>();
  for (let i = 0; i < flat.length; i += 2) {
    const name = String(flat[i]).toLowerCase();
    values.set(name, values.has(name) ? [values.get(name), flat[i + 1]].flat() : flat[i + 1]);
  }
  return [...values];
}

/** Takes the headers off the response; returns those that go with the WebSocket. */
function takeHeaders(response: AnyResponse): [string, string][] {
  for (const name of response.getHeaderNames()) {
    if (NOT_FOR_A_WEBSOCKET.has(name)) response.removeHeader(name);
  }
  return headerPairs(response).filter(([name]) => !name.startsWith('sec-websocket-'));
}

/** Several values as several pairs. */
export function headerPairs(response: AnyResponse): [string, string][] {
  const pairs: [string, string][] = [];
  for (const name of response.getHeaderNames()) {
    const value = response.getHeader(name) ?? [];
    if (Array.isArray(value)) for (const one of value) pairs.push([name, String(one)]);
    else pairs.push([name, String(value)]);
  }
  return pairs;
}
