import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { Broker, DRAIN_TIMEOUT } from './broker.js';
import { MqttHandler } from './mqtt.handler.js';

@Module({
  imports: [WebSockModule],
  providers: [MqttHandler, Broker, { provide: DRAIN_TIMEOUT, useValue: 5_000 }],
})
export class AppModule {}
