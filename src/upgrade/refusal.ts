import { STATUS_CODES } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

type Headers = Readonly<Record<string, string>>;

/** Answers on a raw socket, where there is no response object to do it, and closes. */
export function refuse(socket: Duplex, status: number, message: string, headers: Headers = {}): void {
  const body = refusalBody(status, message);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}` +
      'Connection: close\r\n' +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  destroySoon(socket);
}

/** The same on a stream of HTTP/2. */
export function refuseStream(
  stream: ServerHttp2Stream,
  status: number,
  message: string,
  headers: Headers = {},
): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...headers, ':status': status, 'content-type': 'application/json; charset=utf-8' });
  stream.end(refusalBody(status, message));
  closeStream(stream);
}

/** Half of a CONNECT stays open until the client ends it; what it sends is of no use any more. */
export function closeStream(stream: ServerHttp2Stream): void {
  if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
  else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
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
