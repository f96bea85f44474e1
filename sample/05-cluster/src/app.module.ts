import { Module, type DynamicModule } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { BrokerClient } from './broker-client.js';
import { PageController } from './page.controller.js';
import { RoomHandler } from './room.handler.js';
import { SETTINGS, type Settings } from './settings.js';

@Module({ controllers: [PageController], providers: [RoomHandler] })
export class AppModule {
  static async on(settings: Settings): Promise<DynamicModule> {
    const client = await BrokerClient.to(settings.broker);
    return {
      module: AppModule,
      imports: [WebSockModule.forRoot({ cluster: { engine: client.engine } })],
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: BrokerClient, useValue: client },
      ],
    };
  }
}
