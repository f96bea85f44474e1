import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { PageController } from './page.controller.js';
import { RoomHandler } from './room.handler.js';
import { RoomsService } from './rooms.service.js';

@Module({
  imports: [WebSockModule],
  controllers: [PageController],
  providers: [RoomHandler, RoomsService],
})
export class AppModule {}
