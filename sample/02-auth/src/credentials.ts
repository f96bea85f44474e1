import type { IncomingHttpHeaders } from 'node:http';

export const COOKIE = 'session';

/** In front of a token among the offered subprotocols. */
export const BEARER = 'bearer.';

/** The token that a request brings. Three ways, since a browser cannot set a header on a WebSocket. */
export function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  return (
    headers.authorization?.match(/^Bearer (\S+)$/i)?.[1] ??
    startingWith(BEARER, headers['sec-websocket-protocol']?.split(',')) ??
    startingWith(`${COOKIE}=`, headers.cookie?.split(';'))
  );
}

/** What follows `start` in the first item that has it. */
function startingWith(start: string, items: string[] = []): string | undefined {
  return items
    .map((item) => item.trim())
    .find((item) => item.startsWith(start))
    ?.slice(start.length);
}
