import { type DynamicModule, Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { Journal } from './journal.js';
import { TrpcHandler } from './trpc.handler.js';

@Module({})
export class AppModule {
  /** An instance of the app, on the journal that all of them share. */
  static on(journal: Journal): DynamicModule {
    return {
      module: AppModule,
      imports: [WebSockModule],
      providers: [TrpcHandler, { provide: Journal, useValue: journal }],
    };
  }
}
