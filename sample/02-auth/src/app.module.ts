import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { SessionController } from './session.controller.js';
import { LeadHandler, TeamHandler } from './team.handler.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [WebSockModule],
  controllers: [SessionController],
  providers: [TeamHandler, LeadHandler, UsersService],
})
export class AppModule {}
