import { AsyncResource } from 'node:async_hooks';
import type { Target, WireHost, WireServer } from '../server/server.js';
import type { AcceptedUpgrade } from '../upgrade/door.js';
import { refuse } from '../upgrade/refusal.js';
import { WebSockError } from '../websock/errors.js';
import { MAX_INT32, type ResolvedOptions } from '../websock/options.js';
import type { UwsAppLike, UwsBehavior, UwsRequest, UwsResponse, UwsWebSocket } from './uws-app.js';
import { appOf, type UwsOptions } from './uws-options.js';
import { faultOf, handshakeFor } from './uws-handshake.js';
import { toIncomingMessage } from './uws-request.js';
import { UwsSocket } from './uws-socket.js';
import { UwsTransport } from './uws-transport.js';

/** uWS takes no more than this for a client that does not read; what comes on top waits with us. Pongs, which it sends itself, are dropped. */
const MAX_BACKPRESSURE = 1_048_576;

/** `SHARED_COMPRESSOR | SHARED_DECOMPRESSOR` of uWebSockets.js. */
const SHARED = 0x101;

/** How long what was sent last, close frames included, may take to leave when the server stops, ms. */
const LINGER = 250;

/** As ws has it: shorter messages are not worth it. */
const COMPRESSED_FROM = 1_024;

/** One WebSocket, from before it opens. */
interface Opening {
  ws?: UwsWebSocket;
  transport?: UwsTransport;
}

/** What uWS keeps for a WebSocket: copied, so nothing in it may change. */
interface UserData {
  readonly opening: Opening;
}

/** uWebSockets.js, on a port of its own: it does the framing, masking, fragments, compression and UTF-8 checks. */
export class UwsServer implements WireServer {
  readonly #options: UwsOptions;
  #host!: WireHost;
  #app: UwsAppLike | undefined;
  #isEncrypted = false;
  /** When the last WebSocket was closed; uWS does not tell when its socket is. */
  #closedAt = -Infinity;

  constructor(options: UwsOptions) {
    this.#options = options;
  }

  async start(host: WireHost): Promise<void> {
    this.#host = host;
    const app = await appOf(this.#options);
    this.#isEncrypted = app.constructor?.name === 'uWS.SSLApp';
    app.ws('/*', this.#behavior());
    // What is no upgrade to uWS: some of it is a faulty one.
    app.any('/*', (response: UwsResponse, request: UwsRequest) => this.#receive(response, request));
    await this.#listen(app);
    this.#app = app;
  }

  async stop(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    if (app === undefined) return;
    const left = LINGER - (performance.now() - this.#closedAt);
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    app.close!();
  }

  accept({ request, socket, intent, headers }: AcceptedUpgrade): void {
    const { options, context } = intent;
    const { handler, argument } = intent.target as Target;
    const wire = socket as UwsSocket;
    const fault = faultOf(request, options);
    if (fault !== undefined) return refuse(socket, fault.status, fault.message, fault.headers);
    if (!wire.isUpgradable) return void socket.destroy();
    const opening: Opening = {};
    wire.upgrade({ opening } satisfies UserData, handshakeFor(request, intent), headers);
    const { ws } = opening;
    if (ws === undefined) return;
    const connection = this.#host.registry.open(
      { handler, argument, request: intent.request, options, context },
      (listener) => (opening.transport = new UwsTransport(ws, listener, limitsOf(options))),
    );
    connection.start();
  }

  #receive(response: UwsResponse, request: UwsRequest, context?: unknown): void {
    const socket = new UwsSocket(response, context, this.#isEncrypted);
    const message = toIncomingMessage(request, socket);
    // uWS calls all handlers in one async context.
    new AsyncResource('WebSockUpgrade').runInAsyncScope(() => this.#host.receive(message, socket));
  }

  #behavior(): UwsBehavior {
    const { maxMessageSize = this.#host.maxMessageSize, compression = SHARED } = this.#options;
    return {
      maxPayloadLength: Math.min(maxMessageSize, MAX_INT32),
      maxBackpressure: MAX_BACKPRESSURE,
      // The connection does both itself.
      idleTimeout: 0,
      sendPingsAutomatically: false,
      compression,
      upgrade: (response, request, context) => this.#receive(response, request, context),
      open: (ws) => void (openingOf(ws).ws = ws),
      message: (ws, message, isBinary) => transportOf(ws).receive(message, isBinary),
      drain: (ws) => transportOf(ws).drain(),
      ping: (ws, message) => transportOf(ws).receivePing(message),
      pong: (ws, message) => transportOf(ws).receivePong(message),
      close: (ws, code, message) => {
        this.#closedAt = performance.now();
        transportOf(ws).closed(code, message);
      },
    };
  }

  #listen(app: UwsAppLike): Promise<void> {
    const { host = '0.0.0.0', port, listening } = this.#options;
    return new Promise((resolve, reject) => {
      app.listen(host, port, (listenSocket: unknown) => {
        if (!listenSocket) {
          return reject(
            new WebSockError('WEBSOCK_LISTEN', `uws(): cannot listen on ${host}:${port}; is the port taken?`),
          );
        }
        listening?.(listenSocket);
        resolve();
      });
    });
  }
}

function openingOf(ws: UwsWebSocket): Opening {
  return (ws.getUserData() as UserData).opening;
}

function transportOf(ws: UwsWebSocket): UwsTransport {
  return openingOf(ws).transport!;
}

function limitsOf(options: ResolvedOptions) {
  const { threshold = COMPRESSED_FROM } = options.deflateOptions;
  return { ...options, compressFrom: options.compress ? threshold : Infinity };
}
