import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { CentralSystem } from './central-system.js';
import { Directory } from './directory.js';
import { StationHandler } from './station.handler.js';
import { StationsController } from './stations.controller.js';
import { CALL_TIMEOUT, Stations } from './stations.js';

@Module({
  imports: [WebSockModule],
  controllers: [StationsController],
  providers: [
    CentralSystem,
    Directory,
    StationHandler,
    Stations,
    { provide: CALL_TIMEOUT, useValue: 30_000 },
  ],
})
export class AppModule {}
