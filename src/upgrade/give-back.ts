import * as http from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { handOver } from './refusal.js';

/** What Node's servers do with a new connection of HTTP/1.1; not in its types. */
const { _connectionListener: serve } = http as unknown as {
  _connectionListener(this: object, socket: Duplex): void;
};

const OF_THE_UPGRADE = /^(upgrade|http2-settings|connection)$/i;

/**
 * Gives a request that asks for another protocol (h2c, mostly) back to its HTTP server, without what it asked for: with an
 * `upgrade` listener Node hands over every request that names a protocol, its body unread. A server may ignore the wish (RFC 9110
 * §7.8). The connection ends with the answer, so that what was read again cannot get out of step with what was sent.
 *
 * The request MUST be whole: see `hasAllHeaders`.
 */
export function giveBack(server: object, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`, 'Connection: close'];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!OF_THE_UPGRADE.test(rawHeaders[i]!)) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  handOver(socket);
  // As bytes: Node reads header values as latin1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  // Not by the event: others have counted this connection already.
  serve.call(server, socket);
}
