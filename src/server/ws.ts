import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type PerMessageDeflateOptions, type ServerOptions } from 'ws';
import type { ConnectionRegistry } from '../connection/registry.js';
import { slotOf } from '../upgrade/intent.js';
import type { AcceptedUpgrade } from '../upgrade/pipeline.js';
import { MAX_INT32, type ResolvedOptions } from '../websock/options.js';
import type { Server, Target } from './server.js';
import { HostedWebSocket } from './ws-socket.js';
import { WsTransport } from './ws-transport.js';

type WsServerOptions = ServerOptions<typeof HostedWebSocket> & { closeTimeout: number };

/** `ws` on HTTP/1.1 sockets: it does the framing, masking, fragments, compression and UTF-8 checks. */
export class WsServer implements Server {
  readonly #registry: ConnectionRegistry;
  /** ws keeps its limits per server, so there is one for each distinct set of them. */
  readonly #servers = new Map<string, WebSocketServer>();
  /** The headers for the 101 that is being written. */
  #headers: AcceptedUpgrade['headers'] = [];

  constructor(registry: ConnectionRegistry) {
    this.#registry = registry;
  }

  accept({ request, socket, head, intent, headers }: AcceptedUpgrade): void {
    const { options } = intent;
    const { handler, argument } = intent.target as Target;
    this.#headers = headers;
    // All of it is synchronous.
    this.#serverFor(options).handleUpgrade(request, socket, head, (ws) => {
      const connection = this.#registry.open(
        { handler, argument, request: intent.request, options, context: intent.context },
        (listener) => new WsTransport(ws as HostedWebSocket, socket, listener, options.maxBufferedAmount),
      );
      connection.start();
    });
  }

  #serverFor(options: ResolvedOptions): WebSocketServer {
    const settings = wsSettings(options);
    const key = JSON.stringify(settings);
    let server = this.#servers.get(key);
    if (server === undefined) {
      server = new WebSocketServer({
        ...settings,
        noServer: true,
        clientTracking: false,
        autoPong: false,
        // The connection bounds the handshake itself.
        closeTimeout: MAX_INT32,
        WebSocket: HostedWebSocket,
        handleProtocols: (_offered: Set<string>, request: IncomingMessage) =>
          slotOf(request)?.intent?.request.protocol || false,
      } as WsServerOptions);
      server.on('headers', (lines) => {
        for (const [name, value] of this.#headers) lines.push(`${name}: ${value}`);
      });
      this.#servers.set(key, server);
    }
    return server;
  }
}

/** The options that ws wants for itself. */
function wsSettings({
  maxFrameSize,
  maxMessageSize,
  validateUtf8,
  compress,
  deflateOptions,
}: ResolvedOptions): ServerOptions {
  const maxPayload = Math.min(maxFrameSize, maxMessageSize);
  return {
    // For ws, 0 is no limit.
    maxPayload: maxPayload === Infinity ? 0 : maxPayload,
    skipUTF8Validation: !validateUtf8,
    perMessageDeflate:
      compress && ({ serverNoContextTakeover: true, ...deflateOptions } as PerMessageDeflateOptions),
  };
}
