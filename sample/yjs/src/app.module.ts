import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { DocumentHandler } from './document.handler.js';
import { DocumentStore } from './document.store.js';
import { DocumentsService } from './documents.service.js';

@Module({
  imports: [WebSockModule],
  providers: [DocumentHandler, DocumentsService, DocumentStore],
})
export class AppModule {}
