import type { IncomingHttpHeaders } from 'node:http';
import { parse } from 'node:querystring';
import type { UpgradeRequest } from '../websock/request.js';

/** What the upgrade request was, as far as the handler looks at it. */
export interface TestRequest {
  /** Path and query. Default `/`. */
  url?: string;
  /** Path parameters. Default none. */
  params?: Record<string, string>;
  /** Default none; the names may be in any case. */
  headers?: IncomingHttpHeaders;
  /** Default `127.0.0.1`. */
  remoteAddress?: string;
  /** The subprotocol that was chosen. Default `''`, none. */
  protocol?: string;
}

export function makeRequest({
  url = '/',
  params = {},
  headers = {},
  remoteAddress = '127.0.0.1',
  protocol = '',
}: TestRequest = {}): UpgradeRequest {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    url,
    path,
    params,
    query: parse(query),
    headers: Object.fromEntries(lowerCase) as IncomingHttpHeaders,
    remoteAddress,
    protocol,
  };
}
