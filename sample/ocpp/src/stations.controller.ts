import {
  BadGatewayException,
  BadRequestException,
  Body,
  Controller,
  GatewayTimeoutException,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  ServiceUnavailableException,
} from '@nestjs/common';
import type { Outcome } from './calls.js';
import { COMMANDS } from './commands.js';
import { Stations } from './stations.js';

/** For those who run the stations. Put a guard of yours in front. */
@Controller('stations')
export class StationsController {
  constructor(private readonly stations: Stations) {}

  @Get()
  connected(): string[] {
    return this.stations.list();
  }

  /** Answers with what the station answers. */
  @Post(':station/:command')
  @HttpCode(200)
  async ask(@Param('station') station: string, @Param('command') name: string, @Body() body: unknown) {
    const [action, schema] = COMMANDS.get(name) ?? [];
    if (action === undefined || schema === undefined)
      throw new NotFoundException('There is no such command.');
    const { data: payload, error } = schema.safeParse(body ?? {});
    if (error) throw new BadRequestException(error.issues.map(({ path, message }) => ({ path, message })));
    const ref = this.stations.find(station);
    if (ref === undefined) throw new NotFoundException('The station is not connected.');
    return payloadOf(await this.stations.call(ref, action, payload));
  }
}

function payloadOf([kind, what, description]: Outcome): unknown {
  switch (kind) {
    case 'result':
      return what;
    case 'error':
      throw new BadGatewayException({ message: 'The station has refused.', code: what, description });
    case 'gone':
      throw new BadGatewayException('The station has gone.');
    case 'busy':
      throw new ServiceUnavailableException('Too many calls wait for the station.');
    case 'timeout':
      throw new GatewayTimeoutException('The station has not answered in time.');
  }
}
