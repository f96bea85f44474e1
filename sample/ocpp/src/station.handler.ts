import { Logger, Param, UseGuards } from '@nestjs/common';
import {
  Connection,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  PubSub,
  push,
  stop,
  WebSockHandler,
  type CloseFacts,
  type CloseReason,
  type HandleResult,
  type TextMessage,
} from 'nestjs-websock';
import { StationCall, withCall, withoutCall, type Outcome, type StationState } from './calls.js';
import { CentralSystem } from './central-system.js';
import { answerToMalformed, Call, CallError, CallResult, error, OcppError, result } from './protocol.js';
import { StationGuard } from './station.guard.js';
import { outcomeOf, Replaced, Stations } from './stations.js';

type Result = HandleResult<StationState>;

/** The time of a call is over. */
class Overdue {
  constructor(readonly id: string) {}
}

/** Calls to one station at a time, at most. */
const MAX_CALLS = 20;

/** OCPP-J 1.6: a charging station on each connection. */
@WebSockHandler('ocpp/:station', { protocols: ['ocpp1.6'], maxMessageSize: 65_536 })
@UseGuards(StationGuard)
export class StationHandler {
  private readonly logger = new Logger(StationHandler.name);

  constructor(
    private readonly central: CentralSystem,
    private readonly stations: Stations,
    private readonly pubsub: PubSub,
  ) {}

  @OnUpgrade()
  admit(@Param('station') station: string): string {
    return station;
  }

  @OnInit()
  open(station: string, connection: Connection): Result {
    const state = { station, calls: [] };
    // After the handshake, as §3.2 has it: clients give up on that, and may try again for ever after a refusal.
    if (connection.request.protocol === '') return stop('normal', [1002, 'ocpp1.6 is spoken here'], state);
    this.logger.log(`${station} has connected`);
    this.stations.enter(station, connection);
    return ok(state);
  }

  @OnIn(Call)
  async call([, id, action, payload]: Call, state: StationState): Promise<Result> {
    try {
      return push(result(id, await this.central.answer(state.station, action, payload ?? {})), state);
    } catch (reason) {
      return push(error(id, this.errorOf(reason)), state);
    }
  }

  @OnIn(CallResult)
  result([, id, payload]: CallResult, state: StationState): Result {
    return this.answered(id, ['result', payload ?? {}], state);
  }

  @OnIn(CallError)
  error([, id, code, description]: CallError, state: StationState): Result {
    return this.answered(id, ['error', code, description], state);
  }

  @OnIn('text')
  malformed([, data]: TextMessage, state: StationState): Result {
    return push(answerToMalformed(data) ?? [], state);
  }

  @OnIn('binary')
  binary(_message: unknown, state: StationState): Result {
    return stop('normal', [1003, 'OCPP-J is text'], state);
  }

  @OnInfo(StationCall)
  send(call: StationCall, state: StationState, connection: Connection): Result {
    if (state.calls.length < MAX_CALLS) {
      const cancelTimeout = connection.sendInfoAfter(call.timeout, new Overdue(call.id));
      return withCall(state, { ...call, cancelTimeout });
    }
    this.tell(call.id, ['busy']);
    return ok(state);
  }

  @OnInfo(Overdue)
  overdue({ id }: Overdue, state: StationState): Result {
    return this.settle(id, ['timeout'], state);
  }

  @OnInfo(Replaced)
  replaced(_by: Replaced, state: StationState): Result {
    return stop('normal', [4409, 'the station has connected again'], state);
  }

  @OnTerminate()
  close(_reason: CloseReason, { station }: StationState, { code }: CloseFacts) {
    this.logger.log(`a connection of ${station} has ended with ${code}`);
  }

  /** Only the call on its way can be answered: any other id is of one that was given up. */
  private answered(id: string, outcome: Outcome, state: StationState): Result {
    return state.calls[0]?.id === id ? this.settle(id, outcome, state) : ok(state);
  }

  private settle(id: string, outcome: Outcome, state: StationState): Result {
    const over = state.calls.find((pending) => pending.id === id);
    if (over === undefined) return ok(state);
    over.cancelTimeout();
    this.tell(id, outcome);
    return withoutCall(state, over);
  }

  /** Who waits for it, on any node. */
  private tell(id: string, outcome: Outcome): void {
    this.pubsub.broadcast(outcomeOf(id), outcome);
  }

  /** What the station need not know is in the log. */
  private errorOf(reason: unknown): OcppError {
    if (reason instanceof OcppError) return reason;
    this.logger.error(reason instanceof Error ? reason.stack : reason);
    return new OcppError('InternalError', 'the central system has failed');
  }
}
