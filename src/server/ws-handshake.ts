import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AcceptedUpgrade } from '../upgrade/door.js';

/** A request as ws wants it, and what has to go on its 101. */
export interface WsHandshake {
  readonly method: 'GET';
  readonly headers: IncomingHttpHeaders;
  /** The chosen subprotocol, `''` for none. */
  readonly protocol: string;
  /** What the app set. */
  readonly appHeaders: AcceptedUpgrade['headers'];
}

/** ws answers a key; HTTP/2 has none (RFC 8441 §5), and what ws answers is not sent. */
const ANY_KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';

/** The request in the words of HTTP/1.1, which are the only ones that ws knows. */
export function handshakeFor({ request, intent, headers }: AcceptedUpgrade): WsHandshake {
  return {
    method: 'GET',
    headers: {
      ...(request.httpVersionMajor === 2 && { 'sec-websocket-key': ANY_KEY }),
      ...request.headers,
      // One of several protocols is enough (RFC 9110 §7.8); ws takes no list.
      upgrade: 'websocket',
    },
    protocol: intent.request.protocol,
    appHeaders: headers,
  };
}

/** ws hands the request on to its hooks as it got it. */
export function asHandshake(request: IncomingMessage): WsHandshake {
  return request as unknown as WsHandshake;
}
