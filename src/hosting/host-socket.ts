import { ProtocolError } from '../websock/errors.js';
import type { Connection } from '../websock/connection.js';
import type { UpgradeRequest } from '../websock/request.js';
import { ok } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import type { HostedConnection } from './hosted-connection.js';
import { HostedRequest } from './hosted-request.js';
import { HostedSocket } from './hosted-socket.js';

/** What gets the sockets, as a listener of `wss.on('connection')` does; `argument`: what `@OnUpgrade` or `upgrade()` gave. */
export type SocketListener<Argument = any> = (
  socket: HostedSocket,
  request: HostedRequest,
  argument: Argument,
) => unknown;

/**
 * A `WebSock` that hands its connections to a server library as sockets of `ws`'s shape:
 *
 * ```ts
 * upgrade(request, hostSocket((socket, request) => yjs.setupWSConnection(socket, request)));
 * ```
 *
 * The listener is never awaited: it, and all that listens to the socket, may answer whenever it likes. What it throws, or rejects with,
 * closes the connection with 1011 and is reported.
 */
export function hostSocket<Argument = any>(listener: SocketListener<Argument>): WebSock<HostedSocket, Argument> {
  return {
    init(argument, connection) {
      const hosted = connection as HostedConnection;
      const socket = new HostedSocket(hosted);
      const returned = listener(socket, new HostedRequest(connection.request), argument);
      if (returned instanceof Promise) returned.catch((error: unknown) => connection.sendInfo(new Rejection(error)));
      return ok(socket);
    },
    handleIn([, data], socket) {
      socket.receiveMessage(data);
      return ok(socket);
    },
    handleControl([opcode, data], socket) {
      socket.receiveControl(opcode, data);
      return ok(socket);
    },
    handleInfo(message, socket) {
      if (message instanceof Rejection) throw message.error;
      return ok(socket);
    },
    terminate(reason, socket, { code, reason: words }) {
      const error = Array.isArray(reason) ? (reason[1] as unknown) : undefined;
      socket.ended(code, words, error instanceof ProtocolError ? error : undefined);
    },
  };
}

/** The listener's promise has rejected. */
class Rejection {
  constructor(readonly error: unknown) {}
}
