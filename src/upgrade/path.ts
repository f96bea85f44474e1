import type { IncomingMessage } from 'node:http';

/** The path of a request's target (RFC 9112 §3.2), as it was sent. */
export function pathOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  const [target = ''] = url.split(/[?#]/, 1);
  const path = target.replace(/^https?:\/\/[^/]+/i, '');
  return path === '' ? '/' : path;
}

/** Is it this path, or one below it? */
export function isAtOrBelow(path: string, top: string): boolean {
  const bare = top.replace(/(.)\/+$/, '$1');
  return path === bare || (bare !== '/' && path.startsWith(`${bare}/`));
}
