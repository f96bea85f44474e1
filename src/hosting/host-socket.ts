import type { LiveConnection } from '../connection/live-connection.js';
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
      const socket = new HostedSocket(connection as LiveConnection);
      const returned = listener(socket, new HostedRequest(connection.request), argument);
      if (returned instanceof Promise)
        returned.catch((error: unknown) => connection.sendInfo(new Rejection(error)));
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

/** The listener's promise has rejected. */
class Rejection {
  constructor(readonly error: unknown) {}
}
