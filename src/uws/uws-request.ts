import { IncomingMessage } from 'node:http';
import { SocketAddress } from 'node:net';
import type { UwsRequest, UwsResponse } from './uws-app.js';
import type { UwsSocket } from './uws-socket.js';

/** What Node's own parser calls; not in its types. */
interface Parsed {
  _addHeaderLines(lines: string[], count: number): void;
}

/** Reads a request of uWS, which is gone when its handler returns, as the one that Node's HTTP server would make of it. */
export function toIncomingMessage(request: UwsRequest, socket: UwsSocket): IncomingMessage {
  const message = new IncomingMessage(socket as never);
  const query = request.getQuery();
  message.method = request.getMethod().toUpperCase();
  message.url = request.getUrl() + (query ? `?${query}` : '');
  message.httpVersion = '1.1';
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  const lines: string[] = [];
  request.forEach((name, value) => lines.push(name, value));
  // Node's rules for headers that are repeated.
  (message as unknown as Parsed)._addHeaderLines(lines, lines.length);
  message.complete = true;
  message.push(null);
  return message;
}

/** The client's address as Node writes it. A proxy's word (PROXY protocol) is not asked for. */
export function remoteAddressOf(response: UwsResponse): string | undefined {
  const bytes = new Uint8Array(response.getRemoteAddress());
  if (bytes.length === 4) return bytes.join('.');
  // Of a unix socket there is none.
  if (bytes.length !== 16) return undefined;
  const address = Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
  return new SocketAddress({ address, family: 'ipv6' }).address;
}
