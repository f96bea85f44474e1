import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** How the foreign listener answers every upgrade request that reaches it. */
export const THEIRS = 418;

/** An `upgrade` listener that takes all it gets. */
export function listenForeignly(server: Server, seen: (request: IncomingMessage) => void = () => {}): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    seen(request);
    socket.end(`HTTP/1.1 ${THEIRS} Theirs\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
}
