import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';

/** The facts of the request that was upgraded. The Node request itself is not kept. */
export interface UpgradeRequest {
  /** The request target as it came: path and query. */
  readonly url: string;
  /** `url` without its query. */
  readonly path: string;
  /** Path parameters, as the framework's router decoded them. */
  readonly params: Readonly<Record<string, string>>;
  /** The query, parsed when first asked for (`node:querystring`). */
  readonly query: Readonly<ParsedUrlQuery>;
  /** The headers, names in lower case, parsed when first asked for as Node does. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The client's address: the socket's, or the framework's `req.ip` where the app trusts its proxy. */
  readonly remoteAddress: string | undefined;
  /** The subprotocol chosen in the opening handshake (RFC 6455 §1.9), `''` when there is none. */
  readonly protocol: string;
}
