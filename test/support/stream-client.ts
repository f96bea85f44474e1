import { once } from 'node:events';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { FrameClient, type TcpEnd } from './frame-client.js';
import type { Bytes } from './frames.js';

export type { ClientHttp2Session } from 'node:http2';

/** Changes to the default extended CONNECT: `undefined` removes a header. */
export interface StreamSpec {
  path?: string;
  headers?: OutgoingHttpHeaders;
}

/** Opens an HTTP/2 session, with or without TLS, and waits for the server's settings: they say what it serves. */
export async function openSession(origin: string): Promise<ClientHttp2Session> {
  const session = connect(origin, { rejectUnauthorized: false });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

/**
 * A WebSocket client that is nothing but a stream of HTTP/2 (RFC 8441): like `RawClient` it answers nothing by itself. Its
 * `fin` is END_STREAM, its `rst` RST_STREAM or the end of the session.
 */
export class StreamClient extends FrameClient {
  /** Until what was written last has left: Node hands it to the session's socket a little later. */
  written = Promise.resolve();
  #hasLeft = false;

  private constructor(readonly stream: ClientHttp2Stream) {
    super();
    stream.on('response', (headers) => this.#readHead(headers));
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => this.#over(this.#wasCut ? 'rst' : 'fin'));
    stream.on('error', () => this.#over('rst'));
    stream.on('close', () => this.#over(this.#wasCut ? 'rst' : 'fin'));
  }

  /** Sends the request, with `early` behind it, and waits for nothing. */
  static send(session: ClientHttp2Session, { path = '/', headers }: StreamSpec = {}, early: Bytes = '') {
    const all: OutgoingHttpHeaders = {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': path,
      'sec-websocket-version': '13',
      ...headers,
    };
    for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
    const client = new StreamClient(session.request(all, { endStream: false }));
    if (early.length > 0) client.write(early);
    return client;
  }

  /** Sends the request, and waits for the response's head. */
  static async open(session: ClientHttp2Session, spec?: StreamSpec, early?: Bytes): Promise<StreamClient> {
    const client = StreamClient.send(session, spec, early);
    await client.patiently('the response', () => client.status !== 0 || client.tcpEnd !== 'open');
    return client;
  }

  write(bytes: Bytes): void {
    if (this.stream.writable)
      this.written = new Promise((resolve) => this.stream.write(bytes, () => resolve()));
  }

  end(): void {
    this.stream.end();
  }

  reset(): void {
    this.#hasLeft = true;
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  destroy(): void {
    this.#hasLeft = true;
    this.stream.destroy();
  }

  get #wasCut(): boolean {
    return this.stream.rstCode !== constants.NGHTTP2_NO_ERROR;
  }

  /** As with a socket, what the client does itself is no end by the server. */
  #over(how: TcpEnd): void {
    if (!this.#hasLeft) this.endedBy(how);
  }

  #readHead(headers: Record<string, unknown>): void {
    const { ':status': status, ...others } = headers;
    this.headers = Object.entries(others).flatMap(([name, value]) =>
      [value].flat().map((item): [string, string] => [name, String(item)]),
    );
    this.status = Number(status);
    this.changed();
  }

  #receive(chunk: Buffer): void {
    if (this.status === 200) this.readFrames(chunk);
    else this.body += chunk.toString('latin1');
    this.changed();
  }
}
