import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { GraphqlHandler, SERVER_OPTIONS } from './graphql.handler.js';
import { PollsService } from './polls.service.js';

@Module({
  imports: [WebSockModule],
  providers: [
    GraphqlHandler,
    PollsService,
    { provide: SERVER_OPTIONS, useValue: { connectionInitWaitTimeout: 3_000 } },
  ],
})
export class AppModule {}
