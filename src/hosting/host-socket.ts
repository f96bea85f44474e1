import { crashed } from '../connection/ending.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { isPromiseLike } from '../connection/promise-like.js';
import { reportError } from '../connection/reports.js';
import { ProtocolError } from '../websock/errors.js';
import { ok } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
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
export function hostSocket<Argument = any>(
  listener: SocketListener<Argument>,
): WebSock<HostedSocket, Argument> {
  return {
    init(argument, connection) {
      // There is no other kind.
      const live = connection as LiveConnection;
      const socket = new HostedSocket(live);
      const returned = listener(socket, new HostedRequest(connection.request), argument);
      if (isPromiseLike(returned)) returned.then(undefined, (error: unknown) => failed(live, error));
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
    terminate(reason, socket, { code, reason: words }) {
      const error = Array.isArray(reason) ? (reason[1] as unknown) : undefined;
      const violation = error instanceof ProtocolError ? error : undefined;
      // After the callbacks of what was sent, as ws does; not after anything that listeners wait for.
      return inNextTick(() => socket.ended(code, words, violation));
    },
  };
}

function inNextTick(work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    process.nextTick(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/** The listener's promise has rejected: as if it had thrown. */
function failed(connection: LiveConnection, error: unknown): void {
  reportError(connection, 'init', error);
  connection.stop(crashed(error));
}
