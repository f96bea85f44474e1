import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex, Writable } from 'node:stream';
import { streamHeaders } from '../upgrade/stream-headers.js';

/** Is this a stream of HTTP/2, or a socket? */
export function isStream(socket: Duplex): socket is ServerHttp2Stream {
  return 'respond' in socket;
}

/**
 * ws is about to answer in the text of HTTP/1.1, with its 101 by `write` or a refusal by `end`: a stream gets the same answer in
 * the words of HTTP/2, where the 101 is a 200 without a key's answer (RFC 8441 §5).
 */
export function translateAnswer(stream: ServerHttp2Stream): void {
  const { write, end } = stream;
  const respond = (answer: string): string => {
    Object.assign(stream, { write, end });
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const [first = '', ...lines] = head.split('\r\n');
    const status = Number(first.split(' ')[1]);
    const headers = streamHeaders(lines.map(parseLine));
    delete headers['sec-websocket-accept'];
    stream.respond({ ...headers, ':status': status === 101 ? 200 : status });
    return body;
  };
  const writeAnswer = (answer: string) => {
    respond(answer);
    return true;
  };
  const endAnswer = (answer: string) => {
    const body = respond(answer);
    return stream.end(body);
  };
  Object.assign(stream, { write: writeAnswer, end: endAnswer });
}

function parseLine(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

type Done = (error?: Error | null) => void;
type Chunk = string | Buffer;

/** What a stream is handed at once, bytes: a client that reads slowly takes it in a fraction of `sendTimeout`. */
const SLICE = 16_384;

/**
 * Counts the bytes that the client's flow control has let through (RFC 9113 §5.2). A stream tells only when a whole write has left,
 * so it gets large ones in slices.
 */
export class StreamProgress {
  bytesAccepted = 0;
  readonly #stream: Duplex;
  readonly #write: Writable['_write'];

  constructor(stream: Duplex) {
    const { _write, _writev } = stream;
    this.#stream = stream;
    this.#write = _write;
    stream._write = (chunk: Chunk, encoding, done) => this.#hand(chunk, encoding, done);
    stream._writev = (chunks, done) => {
      const size = chunks.reduce((sum, { chunk, encoding }) => sum + sizeOf(chunk as Chunk, encoding), 0);
      if (size <= SLICE) _writev!.call(stream, chunks, this.#counting(size, done));
      else this.#handAll(chunks, done);
    };
  }

  #handAll(chunks: readonly { chunk: Chunk; encoding: BufferEncoding }[], done: Done): void {
    const [first, ...rest] = chunks;
    if (first === undefined) return done();
    this.#hand(first.chunk, first.encoding, (error) => (error ? done(error) : this.#handAll(rest, done)));
  }

  #hand(chunk: Chunk, encoding: BufferEncoding, done: Done): void {
    const size = sizeOf(chunk, encoding);
    // Node may end a stream behind any write once it has been told to end.
    if (size <= SLICE || this.#stream.writableEnded)
      return this.#write.call(this.#stream, chunk, encoding, this.#counting(size, done));
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    this.#hand(bytes.subarray(0, SLICE), encoding, (error) =>
      error ? done(error) : this.#hand(bytes.subarray(SLICE), encoding, done),
    );
  }

  #counting(size: number, done: Done): Done {
    return (error) => {
      if (!error) this.bytesAccepted += size;
      done(error);
    };
  }
}

function sizeOf(chunk: Chunk, encoding: BufferEncoding): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
}
