/** What there is on HTTP/1.1 only; Node throws for it on HTTP/2 (RFC 9113 §8.2.2). */
const ONLY_ON_HTTP_1 = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Can HTTP/2 carry a header of this name? */
export function isForStreams(name: string): boolean {
  return !ONLY_ON_HTTP_1.has(name.toLowerCase());
}

/**
 * A response's headers as HTTP/2 carries them: each but Set-Cookie once, its values in one list (RFC 9110 §5.3). Node throws for
 * some of them otherwise.
 */
export function streamHeaders(
  pairs: Iterable<readonly [name: string, value: string]>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    if (!isForStreams(key)) continue;
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else headers[key] = key === 'set-cookie' ? [before, value].flat() : `${String(before)}, ${value}`;
  }
  return headers;
}
