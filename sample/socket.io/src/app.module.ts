import { Module } from '@nestjs/common';
import { WebSockModule } from 'nestjs-websock';
import { IoHandler } from './io.handler.js';
import { ENGINE_OPTIONS, IoService } from './io.service.js';
import { ANSWER_TIME, PlanningService } from './planning.service.js';
import { TeamsService } from './teams.service.js';

@Module({
  imports: [WebSockModule],
  providers: [
    IoHandler,
    IoService,
    PlanningService,
    TeamsService,
    { provide: ENGINE_OPTIONS, useValue: {} },
    { provide: ANSWER_TIME, useValue: 30_000 },
  ],
})
export class AppModule {}
