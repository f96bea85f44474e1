import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { GraphqlHandler } from './graphql.handler.js';
import { PollsService } from './polls.service.js';

@Module({
  imports: [WebSockModule],
  providers: [GraphqlHandler, PollsService],
})
export class AppModule {}
