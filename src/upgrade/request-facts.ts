import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { parse, type ParsedUrlQuery } from 'node:querystring';
import type { UpgradeRequest } from '../websock/request.js';

/** What a framework's request adds to Node's. */
export interface FrameworkRequest {
  /** Node's request, where the framework's is another object. */
  readonly raw?: IncomingMessage;
  /** Path parameters, as the router decoded them. */
  readonly params?: unknown;
  /** The client's address, a trusted proxy's word included. */
  readonly ip?: string;
  /** The host asked for, a trusted proxy's word included. */
  readonly hostname?: string;
  /** The request target as it came, where the framework rewrites `url`. */
  readonly originalUrl?: string;
}

/** Keeps the raw strings of a request, as few objects as can be, and parses them when asked. */
export class RequestFacts implements UpgradeRequest {
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly #params: Readonly<Record<string, string>> | undefined;
  /** Names and values in turn, separated by line feeds, which neither can contain. */
  readonly #rawHeaders: string;
  #headers: Readonly<IncomingHttpHeaders> | undefined;
  #query: ParsedUrlQuery | undefined;
  #protocol = '';

  constructor(raw: IncomingMessage, framework: FrameworkRequest) {
    this.url = framework.originalUrl ?? raw.url ?? '/';
    this.remoteAddress = framework.ip ?? raw.socket.remoteAddress;
    this.#params = plainParams(framework.params);
    this.#rawHeaders = flatten(raw.headers);
    this.#headers = raw.headers;
  }

  get path(): string {
    return this.url.split('?', 1)[0]!;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#params ?? {};
  }

  get query(): Readonly<ParsedUrlQuery> {
    const start = this.url.indexOf('?');
    return (this.#query ??= parse(start < 0 ? '' : this.url.slice(start + 1)));
  }

  get headers(): Readonly<IncomingHttpHeaders> {
    return (this.#headers ??= parseHeaders(this.#rawHeaders));
  }

  get protocol(): string {
    return this.#protocol;
  }

  /** The handshake is decided: keeps the chosen subprotocol and lets go of Node's objects. */
  settle(protocol: string): void {
    this.#protocol = protocol;
    this.#headers = undefined;
  }
}

function plainParams(params: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof params !== 'object' || params === null || Object.keys(params).length === 0) return undefined;
  return { ...(params as Record<string, string>) };
}

/** Without the pseudo-headers of HTTP/2. */
function flatten(headers: IncomingHttpHeaders): string {
  const lines: unknown[] = [];
  for (const [name, value] of Object.entries(headers)) if (!name.startsWith(':')) lines.push(name, value);
  return lines.join('\n');
}

function parseHeaders(flat: string): IncomingHttpHeaders {
  const headers: Record<string, string> = {};
  const lines = flat.split('\n');
  for (let i = 0; i + 1 < lines.length; i += 2) headers[lines[i]!] = lines[i + 1]!;
  return headers;
}
