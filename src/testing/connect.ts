import type { IncomingHttpHeaders, IncomingMessage, Server as HttpServer } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { WebSocket } from 'ws';
import type { Codec } from '../websock/codec.js';
import { ClientConnection } from './client-connection.js';
import type { ExpectOptions } from './expectations.js';

/** What is asked of a Nest app, on Express or on Fastify. */
export interface NestApp {
  /** Node's HTTP server, made by then. */
  getHttpServer(): unknown;
  /** Initialises the app and listens on a port, 0 for any that is free. */
  listen(port: number, hostname: string): Promise<unknown>;
}

/** What a client connects to: a Nest app, an HTTP server, or the URL of a server. */
export type ConnectTarget = NestApp | HttpServer | URL | string;

/** What Node takes for a request (`headers`, `ca`, `localAddress`, …), and: */
export interface ConnectOptions extends ExpectOptions, Omit<RequestOptions, 'protocol'> {
  /** Subprotocols to offer, the preferred one first. Default none. */
  protocols?: string | readonly string[];
  /** The page that connects, as a browser would say. Default none. */
  origin?: string;
  /** Offer compression (RFC 7692). Default true. */
  perMessageDeflate?: boolean;
  /** Encodes what is sent as `json(value)`, decodes what is expected so; the client's own. Default JSON text. */
  codec?: Codec;
  /** How long the opening handshake may take, ms. Default 5 000. */
  handshakeTimeout?: number;
}

/** The server answered the upgrade request with an ordinary HTTP response. */
export class UpgradeRefusedError extends Error {
  /** @internal */
  override name = 'UpgradeRefusedError';

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The response's headers, names in lower case. */
    readonly headers: IncomingHttpHeaders,
    /** The response's body as text, `''` where it had none. */
    readonly body: string,
  ) {
    super(`the upgrade was refused with ${status}: ${body.slice(0, 500)}`);
  }
}

/** How long the opening handshake may take, ms. */
const HANDSHAKE_TIMEOUT = 5_000;

/**
 * Connects a real client to an app: guards, `@OnUpgrade` and the wire included.
 *
 * ```ts
 * const ann = await connect(app, '/rooms/lobby', { headers: { authorization: `Bearer ${token}` } });
 * await ann.expectPush(text('hello Ann'));
 * ```
 *
 * An app or server that does not listen yet is made to, on a free port of the loopback interface; to close it is left to the
 * test.
 *
 * Rejects with {@link UpgradeRefusedError} when the server answers anything but 101, else with the socket's error.
 */
export async function connect(
  target: ConnectTarget,
  path: string,
  { protocols = [], within, codec, ...options }: ConnectOptions = {},
): Promise<ClientConnection> {
  const url = new URL(path, await urlOf(target));
  const offered = typeof protocols === 'string' ? [protocols] : [...protocols];
  const socket = new WebSocket(url, offered, { handshakeTimeout: HANDSHAKE_TIMEOUT, ...options });
  const client = new ClientConnection(socket, { within, codec });
  await opened(socket);
  return client;
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => void refused(response).then(reject, reject));
  });
}

async function refused(response: IncomingMessage): Promise<UpgradeRefusedError> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return new UpgradeRefusedError(response.statusCode!, response.headers, Buffer.concat(chunks).toString());
}

async function urlOf(target: ConnectTarget): Promise<URL> {
  if (typeof target === 'string' || target instanceof URL) return new URL(target);
  const server = 'getHttpServer' in target ? (target.getHttpServer() as HttpServer) : target;
  await listening(server, target);
  const { port } = server.address() as AddressInfo;
  return new URL(`${server instanceof TlsServer ? 'wss' : 'ws'}://127.0.0.1:${port}`);
}

/** Servers that are about to listen: several clients may connect at once. */
const starting = new WeakMap<HttpServer, Promise<unknown>>();

function listening(server: HttpServer, target: NestApp | HttpServer): Promise<unknown> {
  if (server.listening) return Promise.resolve();
  let start = starting.get(server);
  if (start === undefined) {
    start = listen(server, target).finally(() => starting.delete(server));
    starting.set(server, start);
  }
  return start;
}

function listen(server: HttpServer, target: NestApp | HttpServer): Promise<unknown> {
  if ('getHttpServer' in target) return target.listen(0, '127.0.0.1');
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
