import { InfoMessage, ok, push, type CancelTimer, type OkResult, type PushResult } from 'nestjs-websock';
import { call } from './protocol.js';

/** What a connection remembers. */
export interface StationState {
  readonly station: string;
  /** The first is on its way, the others wait: one at a time (OCPP-J 1.6 §4.1.1). */
  readonly calls: readonly PendingCall[];
}

/** Asks a station for an action: sent to its connection, from any node. */
@InfoMessage('ocpp.call')
export class StationCall {
  constructor(
    readonly id: string,
    readonly action: string,
    readonly payload: object,
    /** How long it may take, the calls before it included, ms. */
    readonly timeout: number,
  ) {}
}

export interface PendingCall extends StationCall {
  readonly cancelTimeout: CancelTimer;
}

/** What a call to a station comes to. */
export type Outcome =
  | readonly ['result', payload: unknown]
  | readonly ['error', code: string, description: string]
  | readonly ['busy' | 'gone' | 'timeout'];

type Result = OkResult<StationState> | PushResult<StationState>;

/** Sends the call, or lets it wait. */
export function withCall(state: StationState, pending: PendingCall): Result {
  return withCalls(state, [...state.calls, pending]);
}

/** It is over: the next is sent, if it was the one on its way. */
export function withoutCall(state: StationState, over: PendingCall): Result {
  const calls = state.calls.filter((pending) => pending !== over);
  return withCalls(state, calls);
}

function withCalls(state: StationState, calls: readonly PendingCall[]): Result {
  const [first] = calls;
  const next = { ...state, calls };
  if (first === undefined || first === state.calls[0]) return ok(next);
  return push(call(first.id, first.action, first.payload), next);
}
