import type { IncomingMessage } from 'node:http';
import { BadRequestException, Param, ServiceUnavailableException, UseGuards } from '@nestjs/common';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { setupWSConnection } from '@y/websocket-server/utils';
import { DocumentsService } from './documents.service.js';
import { MAX_DOCUMENT_BYTES } from './limits.js';
import { VisitorGuard } from './visitor.guard.js';

/** Yjs on each connection, for the document that its path names. A client may bring a whole document in one message. */
@WebSockHandler('documents/:name', { maxMessageSize: 2 * MAX_DOCUMENT_BYTES })
@UseGuards(VisitorGuard)
export class DocumentHandler {
  constructor(private readonly documents: DocumentsService) {}

  @OnUpgrade()
  async admit(@Param('name') name: string): Promise<string> {
    if (!/^[\w-]{1,40}$/.test(name))
      throw new BadRequestException('A document has a name of 1 to 40 letters, digits, - and _.');
    if (!(await this.documents.hasRoomFor(name)))
      throw new ServiceUnavailableException('Too many documents or visitors.');
    return name;
  }

  @OnSocket()
  async connected(socket: HostedSocket, request: HostedRequest, name: string) {
    const document = this.documents.enter(name);
    socket.once('close', () => this.documents.leave(document));
    // What the client sends waits for the document.
    socket.pause();
    await document.loaded;
    socket.resume();
    if (socket.readyState !== socket.OPEN) return;
    setupWSConnection(socket, request as unknown as IncomingMessage, { docName: document.key });
    document.intake.guard(socket);
  }
}
