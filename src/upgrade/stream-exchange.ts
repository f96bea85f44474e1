import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { constants, Http2ServerResponse, type Http2ServerRequest } from 'node:http2';
import { Exchange, type AnyResponse } from './exchange.js';
import type { Door } from './pipeline.js';
import { refusalBody } from './refusal.js';

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** What Node's compatibility layer listens to on a stream that is a request. */
const REQUEST_EVENTS = ['aborted', 'data', 'end', 'error', 'readable', 'timeout', 'trailers'];

/** Node throws for these on HTTP/2 (RFC 9113 §8.2.2). */
const ONLY_ON_HTTP_1 = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

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

  constructor(request: Http2ServerRequest, response: Http2ServerResponse, door: Door, onOver: () => void) {
    showAsGet(request);
    super(request as unknown as IncomingMessage, request.stream, Buffer.alloc(0), door, onOver);
    this.#response = response;
    this.response = response as unknown as AnyResponse;
    Object.assign(response, { writeHead: this.#writeHead, write: this.#write, end: this.#endResponse });
    this.begin(true);
  }

  override setHeader(name: string, value: string): void {
    if (!ONLY_ON_HTTP_1.includes(name.toLowerCase())) super.setHeader(name, value);
  }

  protected divert(): void {
    this.#diverts = 'everything';
  }

  protected answer(status: number, message: string): void {
    const { stream } = this.#response;
    if (stream.destroyed || stream.headersSent) return;
    stream.respond({ ':status': status, 'content-type': 'application/json; charset=utf-8' });
    stream.end(refusalBody(status, message));
    this.letGo();
  }

  /** The other half of a CONNECT stays open until the client ends it; what it sends is of no use any more. */
  protected letGo(): void {
    const { stream } = this.#response;
    if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
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
    const given = allowed(typeof reason === 'string' ? headers : reason);
    if (this.takeHead(status, given)) return response;
    for (const name of ONLY_ON_HTTP_1) response.removeHeader(name);
    if (status < 200 || status > 299) return this.#sendHead(status, given);
    this.#diverts = 'body';
    for (const name of ['content-length', 'content-type', 'content-encoding']) response.removeHeader(name);
    return this.#sendHead(501, {});
  };

  #sendHead(status: number, headers: Headers): Http2ServerResponse {
    return Reflect.apply(Http2ServerResponse.prototype.writeHead, this.#response, [status, headers]);
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

function allowed(headers: Headers | undefined): Headers {
  if (headers === undefined) return {};
  if (!Array.isArray(headers)) {
    return Object.fromEntries(
      Object.entries(headers).filter(([name]) => !ONLY_ON_HTTP_1.includes(name.toLowerCase())),
    );
  }
  return headers.filter((_, i) => !ONLY_ON_HTTP_1.includes(String(headers[i - (i % 2)]).toLowerCase()));
}

/** write and end take a callback last. */
function callBack(args: unknown[]): void {
  const last = args.at(-1);
  if (typeof last === 'function') queueMicrotask(last as () => void);
}
