import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { BoardHandler, PackedBoardHandler } from './board.handler.js';
import { BoardService } from './board.service.js';
import { PageController } from './page.controller.js';

@Module({
  imports: [WebSockModule],
  controllers: [PageController],
  providers: [BoardHandler, BoardService, PackedBoardHandler],
})
export class AppModule {}
