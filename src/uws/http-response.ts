/** A response as Node has written it. */
export interface WrittenResponse {
  /** `401 Unauthorized`. */
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Reads back the bytes that a `ServerResponse` has written; undefined for none. Interim responses (1xx) are left out. */
export function readResponse(bytes: Buffer): WrittenResponse | undefined {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = statusLine.slice(statusLine.indexOf(' ') + 1);
  const rest = bytes.subarray(end + END_OF_HEAD.length);
  if (status.startsWith('1')) return readResponse(rest);
  const headers = lines.map(toPair);
  const isChunked = headers.some(([name, value]) => name === 'transfer-encoding' && /chunked/i.test(value));
  return { status, headers, body: isChunked ? joinChunks(rest) : rest };
}

function toPair(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** RFC 9112 §7.1, as far as Node makes use of it. */
function joinChunks(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let start = 0; ;) {
    const end = bytes.indexOf('\r\n', start);
    const size = Number.parseInt(bytes.toString('latin1', start, end), 16);
    // NaN where the response was cut off.
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    start = end + 2 + size + 2;
  }
}
