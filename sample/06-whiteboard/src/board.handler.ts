import type { IncomingMessage } from 'node:http';
import { Param, ServiceUnavailableException } from '@nestjs/common';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { setupWSConnection } from '@y/websocket-server/utils';
import { BoardNamePipe } from './board-name.pipe.js';
import { MAX_MESSAGE_BYTES } from './board-limits.js';
import { BoardsService } from './boards.service.js';

/** Yjs on each connection, for the board that its path names. A page may bring a whole board in one message. */
@WebSockHandler('boards/:board', { maxMessageSize: MAX_MESSAGE_BYTES })
export class BoardHandler {
  constructor(private readonly boards: BoardsService) {}

  @OnUpgrade()
  admit(@Param('board', BoardNamePipe) name: string): string {
    if (!this.boards.hasRoomFor(name)) throw new ServiceUnavailableException('Too many boards or people.');
    return name;
  }

  @OnSocket()
  connected(socket: HostedSocket, request: HostedRequest, name: string) {
    const board = this.boards.open(name);
    setupWSConnection(socket, request as unknown as IncomingMessage, { docName: name });
    board.intake.guard(socket);
    // After the library, whose listener was there first.
    socket.once('close', () => this.boards.left(board));
  }
}
