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
import type { ErrorCode } from '../websock/errors.js';
import { Places } from '../websock/places.js';
import type { Door } from './door.js';
import { SHUTTING_DOWN, type Exchange } from './exchange.js';
import { giveBack } from './give-back.js';
import { asksForWebSocket, hasAllHeaders, hasBody, upgradeRequired } from './handshake.js';
import { refuse, refuseStream, surviveErrors } from './refusal.js';
import { SocketExchange } from './socket-exchange.js';
import { StreamExchange } from './stream-exchange.js';
import { listenForUpgrades } from './upgrade-listener.js';

export interface Pipeline {
  /** Refuses what is still being decided, with 503. */
  refuseAll(): void;
  /** Closes the sessions of HTTP/2 once their streams are over: clients keep them open for ever. */
  closeSessions(): void;
  /** Runs a request through the app that another server has received: what it is answered is written to the socket, as HTTP/1.1. */
  inject(request: IncomingMessage, socket: Duplex): void;
  detach(): void;
}

/** An HTTP server of Node's, of any kind. */
export type AnyHttpServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/**
 * Runs every upgrade request of a server through the app as an ordinary request. README.md tells the flow.
 */
export function attachPipeline(server: AnyHttpServer, door: Door): Pipeline {
  const exchanges = new Places<Exchange>();

  const dispatch = (request: unknown, { response }: Exchange) =>
    server.emit('request', request as IncomingMessage, response as ServerResponse);

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    surviveErrors(socket);
    afterPrevious(socket, () => {
      if (!hasAllHeaders(request, (server as HttpServer).maxHeadersCount))
        return turnAway(socket, 431, 'Too many headers');
      if (!asksForWebSocket(request)) return giveBack(server, request, socket, head);
      decide(request, socket, head);
    });
  };

  const inject = (request: IncomingMessage, socket: Duplex) => {
    surviveErrors(socket);
    if (asksForWebSocket(request)) return decide(request, socket, Buffer.alloc(0));
    const { status, message, code, headers } = upgradeRequired(request);
    refuse(socket, status, message, headers);
    door.refused(status, message, code);
  };

  const decide = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (door.isShut) return turnAway(socket, 503, SHUTTING_DOWN, 'WEBSOCK_UPGRADE_DRAINING');
    // Node asks it of ordinary requests only (RFC 9112 §3.2).
    if (!request.headers.host) return turnAway(socket, 400, 'The Host header is missing');
    if (hasBody(request)) return turnAway(socket, 400, 'A WebSocket handshake has no body');
    dispatch(request, new SocketExchange(request, socket, head, door, exchanges));
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
    dispatch(request, new StreamExchange(request, response, door, exchanges));
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
    inject,
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
