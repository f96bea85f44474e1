import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED, type CloseFacts, type CloseReason } from '../websock/close.js';
import type { ProtocolError } from '../websock/errors.js';
import { isNormalShutdown, type Stop } from './outgoing.js';

/** Why and how a connection ends. The first one decided wins. */
export interface Ending {
  /** What `terminate` gets. */
  readonly reason: CloseReason;
  /** The close frame's code; 1005 sends a frame without one, 1006 sends none. */
  readonly code: number;
  readonly closeReason: string | Uint8Array;
  readonly initiator: CloseFacts['initiator'];
  /** Handle what was received before it. An ending that the handler decides drops that instead. */
  readonly workOff: boolean;
}

export function stopped({ reason, code, closeReason, detailed }: Stop): Ending {
  const normal = reason === 'normal' || (!detailed && isNormalShutdown(reason));
  return {
    reason: normal ? 'normal' : ['error', reason],
    code,
    closeReason,
    initiator: 'server',
    workOff: false,
  };
}

export function crashed(error: unknown): Ending {
  return { reason: ['error', error], code: 1011, closeReason: '', initiator: 'server', workOff: false };
}

export function closedByClient(code: number, closeReason: Uint8Array): Ending {
  return { reason: 'remote', code, closeReason, initiator: 'client', workOff: true };
}

export function violated(error: ProtocolError): Ending {
  return {
    reason: ['error', error],
    code: error.closeCode,
    closeReason: '',
    initiator: 'server',
    workOff: true,
  };
}

export function shutDown(code: number): Ending {
  return {
    reason: 'shutdown',
    code,
    closeReason: '',
    initiator: 'server',
    workOff: true,
  };
}

export const TRANSPORT_CLOSED: Ending = {
  reason: ['error', 'closed'],
  code: ABNORMAL_CLOSURE,
  closeReason: '',
  initiator: 'transport',
  workOff: true,
};

export const SEND_TIMEOUT: Ending = {
  ...TRANSPORT_CLOSED,
  reason: ['error', 'send_timeout'],
  initiator: 'server',
};

export const IDLE_TIMEOUT: Ending = {
  reason: 'timeout',
  code: 1001,
  closeReason: '',
  initiator: 'server',
  workOff: true,
};

export const OVERLOAD: Ending = { ...IDLE_TIMEOUT, reason: ['error', 'overload'], code: 1013 };

/** What `terminate` learns beside the reason. */
export function factsOf({ code, closeReason, initiator }: Ending): CloseFacts {
  const reason = typeof closeReason === 'string' ? closeReason : Buffer.from(closeReason).toString();
  return { code, reason, initiator };
}

/** The code as the close frame carries it. */
export function frameCode({ code }: Ending): number | undefined {
  return code === NO_STATUS_RECEIVED ? undefined : code;
}
