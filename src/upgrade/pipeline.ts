import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  Http2Session,
} from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ErrorCode, UpgradeError } from '../websock/errors.js';
import type { WebSockOptions } from '../websock/options.js';
import type { UpgradeIntent } from './intent.js';
import { SHUTTING_DOWN, type Exchange } from './exchange.js';
import { giveBack } from './give-back.js';
import { asksForWebSocket, hasBody } from './handshake.js';
import { refuse, refuseStream, surviveErrors } from './refusal.js';
import { SocketExchange } from './socket-exchange.js';
import { StreamExchange } from './stream-exchange.js';
import { listenForUpgrades, type Claims } from './upgrade-listener.js';

/** Who gets the requests that the app decided to upgrade. */
export interface Door {
  /** For the options of connections. */
  readonly defaults: WebSockOptions;
  /** What `upgrade()` may be given beside a `WebSock`. */
  readonly handlers: ReadonlyMap<unknown, unknown>;
  /** The limit of guards and `@OnUpgrade` together, ms, until a handler sets its own. */
  readonly upgradeTimeout: number;
  /** Shutting down: everything is refused with 503. */
  readonly isShut: boolean;
  /** Whose requests are ours, on a server where others listen as well. */
  readonly claims: Claims;
  /** Why no more connections are taken, or none from this address; undefined: there is room. */
  isFull(address: string | undefined): UpgradeError | undefined;
  accept(accepted: AcceptedUpgrade): void;
  /** Something was refused; for telemetry. */
  refused(status: number, message: string, code?: ErrorCode): void;
}

/** A request that the app has decided to upgrade. The socket is free: the response is over. */
export interface AcceptedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its handshake. */
  readonly head: Buffer;
  readonly intent: UpgradeIntent;
  /** What the app set on the response: name and value in turn, several values as several pairs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Pipeline {
  /** Refuses what is still being decided, with 503. */
  refuseAll(): void;
  /** Closes the sessions of HTTP/2 once their streams are over: clients keep them open for ever. */
  closeSessions(): void;
  detach(): void;
}

/** An HTTP server of Node's, of any kind. */
export type AnyHttpServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/**
 * Runs every upgrade request of a server through the app as an ordinary request. README.md tells the flow.
 */
export function attachPipeline(server: AnyHttpServer, door: Door): Pipeline {
  const exchanges = new Set<Exchange>();

  const dispatch = (make: (onOver: () => void) => Exchange, request: unknown) => {
    const exchange = make(() => exchanges.delete(exchange));
    exchanges.add(exchange);
    server.emit('request', request as IncomingMessage, exchange.response as ServerResponse);
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    surviveErrors(socket);
    afterPrevious(socket, () => {
      if (!asksForWebSocket(request)) return giveBack(server, request, socket, head);
      if (door.isShut) return turnAway(socket, 503, SHUTTING_DOWN, 'WEBSOCK_UPGRADE_DRAINING');
      // Node asks it of ordinary requests only (RFC 9112 §3.2).
      if (!request.headers.host) return turnAway(socket, 400, 'The Host header is missing');
      if (hasBody(request)) return turnAway(socket, 400, 'A WebSocket handshake has no body');
      dispatch((onOver) => new SocketExchange(request, socket, head, door, onOver), request);
    });
  };

  const turnAway = (socket: Duplex, status: number, message: string, code?: ErrorCode) => {
    refuse(socket, status, message);
    door.refused(status, message, code);
  };

  const onConnect = (request: Http2ServerRequest, response: Http2ServerResponse) => {
    // CONNECT of HTTP/1.1, which Node hands over as a socket, asks for a proxy.
    if (!isExtendedConnect(request)) return refuseConnect(request, response);
    if (door.isShut) {
      refuseStream(response.stream, 503, SHUTTING_DOWN);
      return door.refused(503, SHUTTING_DOWN, 'WEBSOCK_UPGRADE_DRAINING');
    }
    dispatch((onOver) => new StreamExchange(request, response, door, onOver), request);
  };

  const sessions = new Set<Http2Session>();
  const onSession = (session: Http2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  };

  const unlisten = listenForUpgrades(server, onUpgrade, door.claims);
  if (isHttp2(server)) {
    server.updateSettings({ enableConnectProtocol: true });
    server.on('connect', onConnect).on('session', onSession);
  }
  return {
    refuseAll: () =>
      exchanges.forEach((exchange) => exchange.refuse(503, SHUTTING_DOWN, 'WEBSOCK_UPGRADE_DRAINING')),
    closeSessions: () => sessions.forEach((session) => session.close()),
    detach: () => {
      unlisten();
      server.off('connect', onConnect).off('session', onSession);
    },
  };
}

function isHttp2(server: AnyHttpServer): server is Http2Server | Http2SecureServer {
  return 'updateSettings' in server;
}

/** RFC 8441 §4. */
function isExtendedConnect({ headers }: Http2ServerRequest): boolean {
  return headers[':protocol'] === 'websocket';
}

/** No proxy: a tunnel is never opened. */
function refuseConnect(
  request: Http2ServerRequest | IncomingMessage,
  response: Http2ServerResponse | Duplex,
): void {
  const message = 'CONNECT is not served';
  if ('stream' in response) refuseStream(response.stream, 501, message);
  else refuse(request.socket, 501, message);
}

/** Waits for the response to a request that was pipelined before, if there is one. */
function afterPrevious(socket: Duplex, proceed: () => void): void {
  const previous = (socket as Duplex & { _httpMessage?: Duplex | null })._httpMessage;
  if (!previous) return proceed();
  previous.once('close', () => {
    if (!socket.destroyed) afterPrevious(socket, proceed);
  });
}
