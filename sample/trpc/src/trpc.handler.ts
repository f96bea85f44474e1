import type { IncomingMessage } from 'node:http';
import { Query, UseGuards } from '@nestjs/common';
import { getWSConnectionHandler, type WSSHandlerOptions } from '@trpc/server/adapters/ws';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { Journal } from './journal.js';
import { NameGuard } from './name.guard.js';
import { routerOn, type JournalRouter, type Visit } from './router.js';

/** tRPC on each connection, with what its upgrade says as the context of all procedures. */
@WebSockHandler('trpc')
@UseGuards(NameGuard)
export class TrpcHandler {
  private readonly router: JournalRouter;

  constructor(journal: Journal) {
    this.router = routerOn(journal);
  }

  @OnUpgrade()
  admit(@Query('as') name: string): Visit {
    return { name };
  }

  @OnSocket()
  connected(socket: HostedSocket, request: HostedRequest, visit: Visit) {
    const options: WSSHandlerOptions<JournalRouter> = {
      router: this.router,
      createContext: () => visit,
      // The type asks for it; what makes the listener has no use for it.
      wss: undefined!,
    };
    const connected = getWSConnectionHandler(options);
    connected(socket, request as unknown as IncomingMessage);
  }
}
