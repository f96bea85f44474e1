import { Inject, Logger, Param, Query, UseGuards } from '@nestjs/common';
import { GraphQLError } from 'graphql';
import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  makeServer,
  type ServerOptions,
  type WebSocket,
} from 'graphql-ws';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { PollsService } from './polls.service.js';
import { operationsOn, type Visit } from './schema.js';
import { VoterGuard } from './voter.guard.js';

/** What else graphql-ws is told: `onConnect`, `connectionInitWaitTimeout` and so on. */
export const SERVER_OPTIONS = 'options of graphql-ws';

/** GraphQL on each connection, for the poll and the voter that its upgrade names. */
@WebSockHandler('graphql/:poll', { protocols: [GRAPHQL_TRANSPORT_WS_PROTOCOL] })
@UseGuards(VoterGuard)
export class GraphqlHandler {
  private readonly server;

  constructor(polls: PollsService, @Inject(SERVER_OPTIONS) options: ServerOptions) {
    this.server = makeServer<Record<string, unknown>, Visit>({
      ...options,
      ...operationsOn(polls),
      context: ({ extra }) => extra,
    });
  }

  @OnUpgrade()
  admit(@Param('poll') poll: string, @Query('as') voter: string): Visit {
    return { poll, voter };
  }

  @OnSocket()
  connected(socket: HostedSocket, _request: HostedRequest, visit: Visit) {
    const closed = this.server.opened(adapt(socket), visit);
    // Leaves the subscriptions.
    socket.once('close', (code: number, reason: Buffer) => {
      closed(code, reason.toString()).catch(report);
    });
  }
}

/** Bytes in the reason of a close frame, at most (RFC 6455 §5.5). */
const MAX_REASON = 123;

/** The socket as graphql-ws wants one. */
function adapt(socket: HostedSocket): WebSocket {
  return {
    protocol: socket.protocol,
    // Waits for a client that does not drain: so does the subscription behind it.
    send(data) {
      return new Promise((resolve, reject) => {
        if (socket.readyState !== socket.OPEN) resolve();
        else socket.send(data, (error) => (error ? reject(error) : resolve()));
      });
    },
    // A reason may quote the client, whose words are of any length.
    close: (code, reason = '') => socket.close(code, Buffer.byteLength(reason) > MAX_REASON ? '' : reason),
    onMessage(handle) {
      socket.on('message', (data: Buffer) => {
        handle(data.toString()).catch((error: Error) => {
          // What failed with the socket is no news.
          if (socket.readyState !== socket.OPEN) return;
          if (isOfClient(error)) return socket.close(CloseCode.BadRequest, 'Invalid message received');
          report(error);
          socket.close(CloseCode.InternalServerError, 'Internal server error');
        });
      });
    },
  };
}

function report(error: Error): void {
  new Logger(GraphqlHandler.name).error(error.stack);
}

/** An operation that does not parse, or a message that only servers send: no news for the log, which a client must not fill. */
function isOfClient(error: Error): boolean {
  return error instanceof GraphQLError || error.message.startsWith('Unexpected message of type');
}
