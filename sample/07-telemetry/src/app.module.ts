import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { LookupHandler } from './lookup.handler.js';
import { PageController } from './page.controller.js';
import { PeopleService } from './people.service.js';
import { TraceMiddleware } from './trace.middleware.js';

@Module({
  imports: [WebSockModule],
  controllers: [PageController],
  providers: [LookupHandler, PeopleService],
})
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(TraceMiddleware).forRoutes('people');
  }
}
