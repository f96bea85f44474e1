import { randomInt } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { action, type Action } from './action.js';
import { Directory } from './directory.js';
import { OcppError } from './protocol.js';

/** How often a station shows that it is there, s. */
const HEARTBEAT_INTERVAL = 30;

const name = z.string().min(1).max(50);
const idTag = z.string().min(1).max(20);
const timestamp = z.iso.datetime({ offset: true });
const meterValue = z.array(z.object({ timestamp, sampledValue: z.array(z.object({ value: z.string() })) }));

/** What stations ask for, and what they are answered. Yours keeps it in a database; the fields that it needs go into the schemas. */
@Injectable()
export class CentralSystem {
  private readonly logger = new Logger(CentralSystem.name);

  constructor(private readonly directory: Directory) {}

  private readonly actions: Readonly<Record<string, Action>> = {
    Authorize: action(z.object({ idTag }), ({ idTag }) => ({ idTagInfo: this.idTagInfo(idTag) })),

    BootNotification: action(z.object({ chargePointVendor: name, chargePointModel: name }), () => ({
      status: 'Accepted',
      currentTime: now(),
      interval: HEARTBEAT_INTERVAL,
    })),

    Heartbeat: () => ({ currentTime: now() }),

    MeterValues: action(z.object({ connectorId: z.int().min(0), meterValue }), () => ({})),

    StatusNotification: action(
      z.object({ connectorId: z.int().min(0), errorCode: name, status: name }),
      () => ({}),
    ),

    StartTransaction: action(
      z.object({ connectorId: z.int().min(1), idTag, meterStart: z.int(), timestamp }),
      ({ idTag }, station) => {
        // Not the next number: stations come with transactions that have begun before this app.
        const transactionId = randomInt(1, 2 ** 31);
        this.logger.log(`${station} starts transaction ${transactionId}`);
        return { transactionId, idTagInfo: this.idTagInfo(idTag) };
      },
    ),

    StopTransaction: action(
      z.object({ transactionId: z.int(), meterStop: z.int(), timestamp }),
      ({ transactionId, meterStop }, station) => {
        this.logger.log(`${station} stops transaction ${transactionId} at ${meterStop} Wh`);
        return {};
      },
    ),

    DataTransfer: () => {
      throw new OcppError('NotSupported', 'there are no extensions here');
    },
  };

  /** @throws OcppError for what is answered with a CALLERROR */
  async answer(station: string, action: string, payload: object): Promise<object> {
    if (!Object.hasOwn(this.actions, action))
      throw new OcppError('NotImplemented', 'there is no such action');
    return this.actions[action]!(payload, station);
  }

  private idTagInfo(idTag: string) {
    return { status: this.directory.accepts(idTag) ? 'Accepted' : 'Invalid' };
  }
}

function now(): string {
  return new Date().toISOString();
}
