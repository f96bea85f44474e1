import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Gives a request that asks for another protocol (h2c, mostly) back to its HTTP server, without what it asked for: with an
 * `upgrade` listener Node hands over every request that names a protocol, its body unread. A server may ignore the wish (RFC 9110
 * §7.8), and then the connection goes on as if it had not been uttered.
 */
export function giveBack(server: EventEmitter, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (!/^(upgrade|http2-settings|connection)$/i.test(name)) lines.push(`${name}: ${value}`);
    else if (/^connection$/i.test(name)) lines.push(`${name}: ${withoutUpgrade(value)}`);
  }
  // As bytes: Node reads header values as latin1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

/** Of the connection's own options the others stay: keep-alive or close. */
function withoutUpgrade(connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  return options.filter((option) => !/^(upgrade|http2-settings)$/i.test(option)).join(', ');
}
