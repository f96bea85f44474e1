import { json } from 'nestjs-websock';
import { z } from 'zod';

const CALL = 2;
const CALLRESULT = 3;
const CALLERROR = 4;

const Id = z.string().min(1).max(36);
/** Both `{}` and null say that there are no fields (OCPP-J 1.6 §4.2.1). */
const Payload = z.record(z.string(), z.unknown()).nullable();

/** One side asks the other for an action (§4.2.1). */
export const Call = z.tuple([z.literal(CALL), Id, z.string(), Payload]);

/** The answer to a call (§4.2.2). */
export const CallResult = z.tuple([z.literal(CALLRESULT), Id, Payload]);

/** The other answer to a call (§4.2.3): a code, a description, details. */
export const CallError = z.tuple([z.literal(CALLERROR), Id, z.string(), z.string()], z.unknown());

export type Call = z.infer<typeof Call>;
export type CallResult = z.infer<typeof CallResult>;
export type CallError = z.infer<typeof CallError>;

/** The codes of §4.2.3, as it spells them. */
export type ErrorCode =
  | 'NotImplemented'
  | 'NotSupported'
  | 'InternalError'
  | 'ProtocolError'
  | 'SecurityError'
  | 'FormationViolation'
  | 'PropertyConstraintViolation'
  | 'OccurenceConstraintViolation'
  | 'TypeConstraintViolation'
  | 'GenericError';

/** Why a call gets no result. The message is for the station. */
export class OcppError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export function call(id: string, action: string, payload: object) {
  return json([CALL, id, action, payload]);
}

export function result(id: string, payload: object) {
  return json([CALLRESULT, id, payload]);
}

export function error(id: string, { code, message }: OcppError) {
  return json([CALLERROR, id, code, message.slice(0, 255), {}]);
}

/**
 * What is answered to a text that is none of the three; undefined for nothing: an answer is not answered, and a type that 1.6 does not
 * know is ignored (§4.1.3). Where no id can be read it is "-1", as in OCPP 2.0.1: 1.6 does not say.
 */
export function answerToMalformed(data: string) {
  const [type, id]: unknown[] = arrayIn(data);
  if (typeof type === 'number' && type !== CALL) return undefined;
  const fault = new OcppError('FormationViolation', 'a call is [2, id, action, payload]');
  return error(Id.safeParse(id).data ?? '-1', fault);
}

function arrayIn(data: string): unknown[] {
  try {
    const value: unknown = JSON.parse(data);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
