import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { BoardHandler } from './board.handler.js';
import { BoardLimits } from './board-limits.js';
import { BoardsService } from './boards.service.js';
import { PageController } from './page.controller.js';
import { PageScript } from './page-script.js';

@Module({
  imports: [WebSockModule.forRoot({ maxConnectionsPerAddress: 100 })],
  controllers: [PageController],
  providers: [BoardHandler, BoardLimits, BoardsService, PageScript],
})
export class AppModule {}
