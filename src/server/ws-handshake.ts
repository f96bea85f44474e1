import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { AcceptedUpgrade } from '../upgrade/pipeline.js';

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

/** The headers of a stream's 200 (RFC 8441 §5), from the app's and from the lines of ws's 101. */
function streamHeaders(
  lines: readonly string[],
  appHeaders: AcceptedUpgrade['headers'],
): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of appHeaders) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? [headers[key]!, value].flat() : value;
  }
  for (const line of lines) {
    const match = /^(sec-websocket-(?:protocol|extensions)): (.*)$/i.exec(line);
    if (match !== null) headers[match[1]!.toLowerCase()] = match[2]!;
  }
  return { ...headers, ':status': 200 };
}

/** Is this a stream of HTTP/2, or a socket? */
export function isStream(socket: Duplex): socket is ServerHttp2Stream {
  return 'respond' in socket;
}

/**
 * ws is about to write its 101 on a stream: sends the 200 in its place. A header that HTTP/2 cannot carry ends the stream, not the
 * process.
 */
export function respondInstead(
  stream: ServerHttp2Stream,
  lines: readonly string[],
  handshake: WsHandshake,
): void {
  const { write } = stream;
  stream.write = () => {
    stream.write = write;
    try {
      stream.respond(streamHeaders(lines, handshake.appHeaders));
    } catch (error) {
      stream.destroy(error as Error);
    }
    return true;
  };
}
