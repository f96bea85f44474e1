import type { IncomingMessage } from 'node:http';
import { UpgradeError } from '../websock/errors.js';

/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Does the request ask for a WebSocket at all (RFC 6455 §4.1: an `Upgrade` header that lists `websocket`)? */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  // As nearly all clients write it.
  if (headers.upgrade === 'websocket') return true;
  const offered = headers.upgrade?.toLowerCase().split(',') ?? [];
  return offered.some((name) => name.trim() === 'websocket');
}

/**
 * Checks the client's opening handshake (RFC 6455 §4.2.1); on HTTP/2 there is no key and no Host (RFC 8441 §5).
 *
 * @throws UpgradeError 405 for another method, 400 for a missing Host or a missing, repeated or malformed key,
 *   426 for another version, which names ours
 */
export function checkHandshake({ method, headers, httpVersion, httpVersionMajor }: IncomingMessage): void {
  if (method !== 'GET') {
    throw new UpgradeError(
      'WEBSOCK_UPGRADE_BAD_METHOD',
      `A WebSocket handshake is a GET, not a ${method}`,
      405,
      { Allow: 'GET' },
    );
  }
  const isHttp2 = httpVersionMajor === 2;
  if (!isHttp2 && (!headers.host || httpVersion === '1.0')) {
    throw new UpgradeError(
      'WEBSOCK_UPGRADE_BAD_HOST',
      'A WebSocket handshake is HTTP/1.1 with a Host header',
      400,
    );
  }
  if (headers['sec-websocket-version'] !== '13') {
    throw new UpgradeError(
      'WEBSOCK_UPGRADE_BAD_VERSION',
      'Only version 13 of the WebSocket protocol is served',
      426,
      {
        'Sec-WebSocket-Version': '13',
      },
    );
  }
  // Node joins repeated keys with a comma, so that they fail here too.
  if (!isHttp2 && !KEY.test(headers['sec-websocket-key'] ?? '')) {
    throw new UpgradeError(
      'WEBSOCK_UPGRADE_BAD_KEY',
      'Missing, repeated or malformed Sec-WebSocket-Key',
      400,
    );
  }
}

/** The refusal of a request that asks for no WebSocket, on a path that serves nothing else. */
export function upgradeRequired({ httpVersionMajor }: IncomingMessage): UpgradeError {
  // Node would keep the connection, even against the client's wish, for an Upgrade alone. HTTP/2 has neither header.
  const headers = { Upgrade: 'websocket', Connection: 'Upgrade, close' };
  return new UpgradeError(
    'WEBSOCK_UPGRADE_NOT_WEBSOCKET',
    'This path serves WebSocket only',
    426,
    httpVersionMajor === 2 ? {} : headers,
  );
}

/** What Node keeps of a request's headers unless `maxHeadersCount` says otherwise. */
const MAX_HEADERS = 1_000;

/**
 * Are these all of the request's headers? Node drops those beyond a limit without a word, but reads the body by them: then
 * nobody can tell where the request ends. `maxHeadersCount` is the HTTP server's; 0 is no limit.
 */
export function hasAllHeaders(
  { rawHeaders }: IncomingMessage,
  maxHeadersCount: number | null | undefined,
): boolean {
  const limit = maxHeadersCount ?? MAX_HEADERS;
  return limit === 0 || rawHeaders.length < limit * 2;
}

/** Does the request announce a body? On an upgrade it would be read as frames. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}
