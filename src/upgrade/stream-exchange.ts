import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { Http2ServerResponse, type Http2ServerRequest } from 'node:http2';
import type { Places } from '../websock/places.js';
import { Exchange, headerPairs, mergeHeaders, type AnyResponse } from './exchange.js';
import type { Door } from './door.js';
import { closeStream, refuseStream } from './refusal.js';
import { isForStreams, streamHeaders } from './stream-headers.js';

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** What Node's compatibility layer listens to on a stream that is a request. */
const REQUEST_EVENTS = ['aborted', 'data', 'end', 'error', 'readable', 'timeout', 'trailers'];

/**
 * An upgrade request of HTTP/2: an extended CONNECT (RFC 8441 §4), shown to the app as the GET with an `Upgrade` header that
 * it would be on HTTP/1.1, so that the same routes serve it. On a CONNECT a 2xx opens a tunnel: without a decision to
 * upgrade it becomes a 501.
 */
export class StreamExchange extends Exchange {
  readonly response: AnyResponse;
  readonly #response: Http2ServerResponse;
  /** What the app writes goes nowhere: all of it once the WebSocket opens, the body of what would open a tunnel. */
  #diverts: 'nothing' | 'body' | 'everything' = 'nothing';

  constructor(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    door: Door,
    others: Places<Exchange>,
  ) {
    showAsGet(request);
    super(request as unknown as IncomingMessage, request.stream, Buffer.alloc(0), door, others);
    this.#response = response;
    this.response = response as unknown as AnyResponse;
    Object.assign(response, { writeHead: this.#writeHead, write: this.#write, end: this.#endResponse });
    this.begin();
  }

  override setHeader(name: string, value: string): void {
    if (isForStreams(name)) super.setHeader(name, value);
  }

  protected divert(): void {
    this.#diverts = 'everything';
  }

  protected answer(status: number, message: string, headers?: Readonly<Record<string, string>>): void {
    refuseStream(this.#response.stream, status, message, headers);
  }

  protected letGo(): void {
    closeStream(this.#response.stream);
  }

  protected handOver(): void {
    for (const event of REQUEST_EVENTS) this.socket.removeAllListeners(event);
  }

  readonly #writeHead = (
    status: number,
    reason?: string | Headers,
    headers?: Headers,
  ): Http2ServerResponse => {
    const response = this.#response;
    if (this.#diverts === 'everything') return response;
    const given = typeof reason === 'string' ? headers : reason;
    if (this.takeHead(status, given)) return response;
    mergeHeaders(response as unknown as AnyResponse, given);
    if (status < 200 || status > 299) return this.#sendHead(status);
    this.#diverts = 'body';
    for (const name of ['content-length', 'content-type', 'content-encoding']) response.removeHeader(name);
    this.#sendHead(501);
    // At once: what the app goes on to write is for nobody.
    Reflect.apply(Http2ServerResponse.prototype.end, response, []);
    this.letGo();
    return response;
  };

  #sendHead(status: number): Http2ServerResponse {
    const response = this.#response;
    const headers = streamHeaders(headerPairs(response as unknown as AnyResponse));
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    return Reflect.apply(Http2ServerResponse.prototype.writeHead, response, [status, headers]);
  }

  readonly #write = (...args: unknown[]): boolean => {
    this.#decideHead();
    if (this.#diverts === 'nothing')
      return Reflect.apply(Http2ServerResponse.prototype.write, this.#response, args);
    callBack(args);
    return true;
  };

  readonly #endResponse = (...args: unknown[]): Http2ServerResponse => {
    const response = this.#response;
    this.#decideHead();
    if (this.#diverts === 'everything') {
      callBack(args);
      queueMicrotask(() => response.emit('finish'));
    } else {
      Reflect.apply(Http2ServerResponse.prototype.end, response, this.#diverts === 'body' ? [] : args);
      this.letGo();
    }
    return response;
  };

  /** A body without a head has the one that the app has set. */
  #decideHead(): void {
    const response = this.#response;
    if (this.#diverts !== 'everything' && !response.headersSent) response.writeHead(response.statusCode);
  }
}

function showAsGet(request: Http2ServerRequest): void {
  const { headers } = request;
  // Node's types have it read-only; it has a setter.
  (request as { method: string }).method = 'GET';
  headers.upgrade = 'websocket';
  headers.connection = 'Upgrade';
  headers.host ??= headers[':authority'];
}

/** write and end take a callback last. */
function callBack(args: unknown[]): void {
  const last = args.at(-1);
  if (typeof last === 'function') queueMicrotask(last as () => void);
}
