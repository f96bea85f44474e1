import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Answers on a raw socket, where there is no response object to do it, and closes. */
export function refuse(socket: Duplex, status: number, message: string): void {
  const body = refusalBody(status, message);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      'Connection: close\r\n' +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  destroySoon(socket);
}

/** A refusal of ours reads as one of Nest's. */
export function refusalBody(status: number, message: string): string {
  return JSON.stringify({ statusCode: status, message });
}

/**
 * Destroys the socket when what has been written to it has left. Until then what the client still sends is read and
 * thrown away: closing on unread data would reset the connection, and the answer with it.
 */
export function destroySoon(socket: Duplex & { destroySoon?: () => void }): void {
  socket.resume();
  if (socket.destroySoon !== undefined) socket.destroySoon();
  else socket.end(() => socket.destroy());
}

/** Node takes its own `error` listener off an upgraded socket; without one a reset would end the process. */
export function surviveErrors(socket: Duplex): void {
  socket.on('error', destroyOnError);
}

/** Whoever takes the socket over has its own. */
export function handOver(socket: Duplex): void {
  socket.off('error', destroyOnError);
}

function destroyOnError(this: Duplex): void {
  this.destroy();
}
