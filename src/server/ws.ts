import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket, type PerMessageDeflateOptions, type ServerOptions } from 'ws';
import type { ConnectionRegistry } from '../connection/registry.js';
import type { AcceptedUpgrade } from '../upgrade/door.js';
import { MAX_INT32, type ResolvedOptions } from '../websock/options.js';
import { declineBadOffers } from './ws-deflate-offers.js';
import type { Server, Target } from './server.js';
import { SharedDeflates } from './shared-deflates.js';
import { FastPath } from './fast-path.js';
import type { ReaderLimits } from './frame-reader.js';
import { asHandshake, handshakeFor } from './ws-handshake.js';
import { HostedWebSocket } from './ws-socket.js';
import { readFrames } from './ws-reading.js';
import { isStream, translateAnswer } from './ws-stream.js';
import { WsTransport } from './ws-transport.js';

const MAX_SERVERS = 100;

/** Where connections with the same limits come in: ws keeps them per server. */
interface LimitedServer {
  readonly server: WebSocketServer;
  readonly limits: ReaderLimits;
}

type WsServerOptions = ServerOptions<typeof HostedWebSocket> & { closeTimeout: number };

/** `ws` on the sockets of HTTP/1.1 and the streams of HTTP/2: it does the framing, masking, fragments, compression and UTF-8 checks. */
export class WsServer implements Server {
  readonly #registry: ConnectionRegistry;
  readonly #servers = new Map<string, LimitedServer>();
  readonly #deflates = new SharedDeflates();
  readonly #fastPath: FastPath;

  constructor(registry: ConnectionRegistry) {
    this.#registry = registry;
    this.#fastPath = new FastPath(registry.app);
  }

  accept(accepted: AcceptedUpgrade): void {
    const { socket, head, intent } = accepted;
    const { options, request, context } = intent;
    const { handler, argument } = intent.target as Target;
    const handshake = handshakeFor(accepted);
    if (options.compress) declineBadOffers(handshake.headers, deflateSettings(options));
    if (isStream(socket)) translateAnswer(socket);
    else writeHeadAsLatin1(socket, accepted.headers);
    const { server, limits } = this.#serverFor(options);
    // All of it is synchronous.
    server.handleUpgrade(handshake as unknown as IncomingMessage, socket, head, (ws) => {
      const isFast = options.fastPath && this.#fastPath.isOpen;
      if (isFast && isPlain(ws, socket)) readFrames(socket, ws as HostedWebSocket, limits);
      const deflate = isFast ? this.#deflates.of(ws as HostedWebSocket, options.deflateOptions) : undefined;
      const connection = this.#registry.open({ handler, argument, request, options, context }, (listener) => {
        return new WsTransport(ws as HostedWebSocket, socket, listener, options.maxBufferedAmount, deflate);
      });
      connection.start();
    });
  }

  #serverFor(options: ResolvedOptions): LimitedServer {
    const limits = limitsOf(options);
    const key = keyOf(limits, options);
    let limited = this.#servers.get(key);
    if (limited === undefined) {
      limited = { server: makeServer(limits, options), limits };
      // Limits that differ from upgrade to upgrade must not pile up; connections keep what they were opened with.
      if (this.#servers.size >= MAX_SERVERS) this.#servers.clear();
      this.#servers.set(key, limited);
    }
    return limited;
  }
}

function limitsOf({ maxFrameSize, maxMessageSize, validateUtf8 }: ResolvedOptions): ReaderLimits {
  return { maxPayload: Math.min(maxFrameSize, maxMessageSize), validateUtf8 };
}

/** The same for the same limits. Each upgrade asks. */
function keyOf({ maxPayload, validateUtf8 }: ReaderLimits, options: ResolvedOptions): string {
  const key = `${maxPayload} ${validateUtf8}`;
  return options.compress ? `${key} ${JSON.stringify(options.deflateOptions)}` : key;
}

function makeServer({ maxPayload, validateUtf8 }: ReaderLimits, options: ResolvedOptions): WebSocketServer {
  const server = new WebSocketServer({
    // For ws, 0 is no limit.
    maxPayload: maxPayload === Infinity ? 0 : maxPayload,
    skipUTF8Validation: !validateUtf8,
    perMessageDeflate: options.compress && deflateSettings(options),
    noServer: true,
    clientTracking: false,
    autoPong: false,
    // The connection bounds the handshake itself.
    closeTimeout: MAX_INT32,
    WebSocket: HostedWebSocket,
    handleProtocols: (_: Set<string>, request: IncomingMessage) => asHandshake(request).protocol || false,
  } as WsServerOptions);
  server.on('headers', addHeaders);
  return server;
}

/** What may be read before ws gets it. ws inflates messages later than they come; a stream of HTTP/2 has other listeners. */
function isPlain(ws: WebSocket, socket: Duplex): boolean {
  return ws.extensions === '' && !isStream(socket);
}

/** Before ws writes its 101: the app's headers go on it. */
function addHeaders(lines: string[], request: IncomingMessage): void {
  for (const [name, value] of asHandshake(request).appHeaders) lines.push(`${name}: ${value}`);
}

/** Header values are latin1 (RFC 9110 §5.5), as Node writes them; ws would write its 101 as UTF-8. */
function writeHeadAsLatin1(socket: Duplex, headers: AcceptedUpgrade['headers']): void {
  if (headers.every(([, value]) => /^[\x00-\x7f]*$/.test(value))) return;
  const { write } = socket;
  socket.write = ((head: string) => {
    socket.write = write;
    return Reflect.apply(write, socket, [head, 'latin1']) as boolean;
  }) as Duplex['write'];
}

function deflateSettings({ deflateOptions }: ResolvedOptions): PerMessageDeflateOptions {
  const { serverNoContextTakeover = true, ...rest } = deflateOptions;
  // For ws, false would be to decline clients that ask for it.
  return {
    ...rest,
    serverNoContextTakeover: serverNoContextTakeover || undefined,
  } as PerMessageDeflateOptions;
}
