import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { AssistantHandler } from './assistant.handler.js';
import { LanguageModel } from './language-model.js';
import { MarketService } from './market.service.js';
import { PageController } from './page.controller.js';
import { TickerHandler } from './ticker.handler.js';

@Module({
  imports: [WebSockModule],
  controllers: [PageController],
  providers: [AssistantHandler, LanguageModel, MarketService, TickerHandler],
})
export class AppModule {}
