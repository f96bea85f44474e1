import { Logger, Param, Query, UseGuards } from '@nestjs/common';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type WebSocket } from 'graphql-ws';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { PollsService } from './polls.service.js';
import { operationsOn, type Visit } from './schema.js';
import { VoterGuard } from './voter.guard.js';

/** GraphQL on each connection, for the poll and the voter that its upgrade names. */
@WebSockHandler('graphql/:poll', { protocols: [GRAPHQL_TRANSPORT_WS_PROTOCOL] })
@UseGuards(VoterGuard)
export class GraphqlHandler {
  private readonly server;

  constructor(polls: PollsService) {
    this.server = makeServer<Record<string, unknown>, Visit>({
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
    socket.once('close', (code: number, reason: Buffer) => void closed(code, reason.toString()));
  }
}

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
    close: (code, reason) => socket.close(code, reason),
    onMessage(handle) {
      socket.on('message', (data: Buffer) => {
        handle(data.toString()).catch((error: Error) => {
          // What failed with the socket is no news.
          if (socket.readyState !== socket.OPEN) return;
          new Logger(GraphqlHandler.name).error(error.stack);
          socket.close(CloseCode.InternalServerError, 'Internal server error');
        });
      });
    },
  };
}
