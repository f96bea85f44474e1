import { isUtf8 } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { checkOnce } from './shared-messages.js';
import type { SharedFrames } from './transport.js';
import { jsonCodec, type Codec, type EncodedMessage } from '../websock/codec.js';
import { isCloseCode, MAX_CLOSE_REASON_BYTES } from '../websock/close.js';
import type { Opcode, Payload } from '../websock/message.js';

/** A checked message: one frame, payload in one piece. */
export interface Outgoing {
  readonly opcode: Opcode;
  readonly payload: string | Uint8Array;
  /** Of a message that goes to many: what servers made of it for one of them serves the others. */
  readonly shared?: SharedFrames;
}

/** What is wrong with a result. The connection adds whose it is. */
export class Fault extends Error {}

/** The answer of a checked result: what to send, what to keep, how to go on. */
export interface Outcome {
  readonly messages: readonly Outgoing[];
  readonly state: unknown;
  readonly reply?: { readonly term: unknown };
  readonly stop?: Stop;
}

export interface Stop {
  readonly reason: unknown;
  readonly code: number;
  readonly closeReason: string | Uint8Array;
  /** The handler gave a close detail. */
  readonly detailed: boolean;
}

const NONE: readonly Outgoing[] = [];
const NO_BYTES = new Uint8Array(0);
const MAX_CONTROL_BYTES = 125;
/** A list that holds itself has no end. */
const MAX_DEPTH = 1_000;

/** Checks a message, as many times as it is given. */
export const eachTime: MessageCheck = checkMessage;

/** Checks a message that may go to many connections, once in a tick. */
export const onceInATick: MessageCheck = (message, codec) =>
  Array.isArray(message) ? checkOnce(message, codec, checkMessage) : checkMessage(message, codec);

type MessageCheck = (message: unknown, codec: Codec) => Outgoing;

/**
 * Checks a whole result before any of it is sent; `codec` encodes its `json(value)` messages.
 *
 * @throws Fault
 */
export function checkResult(
  result: unknown,
  codec: Codec = jsonCodec,
  check: MessageCheck = eachTime,
): Outcome {
  if (!Array.isArray(result))
    throw new Fault(`expected a result tuple such as ['ok', state], got ${show(result)}`);
  switch (result[0]) {
    case 'ok':
      arity(result, 2, "['ok', state]");
      return { messages: NONE, state: result[1] };
    case 'push':
      arity(result, 3, "['push', messages, state]");
      return { messages: checkMessages(result[1], codec, check), state: result[2] };
    case 'reply':
      arity(result, 4, "['reply', term, messages, state]");
      return {
        messages: checkMessages(result[2], codec, check),
        state: result[3],
        reply: { term: result[1] },
      };
    case 'stop':
      return checkStop(result, codec, check);
    default:
      throw new Fault(`the tag must be 'ok', 'push', 'reply' or 'stop', not ${show(result[0])}`);
  }
}

function checkStop(result: unknown[], codec: Codec, check: MessageCheck): Outcome {
  const [, reason, detail, messages] = result;
  switch (result.length) {
    case 3:
      return {
        messages: NONE,
        state: result[2],
        stop: { reason, code: defaultCode(reason), closeReason: '', detailed: false },
      };
    case 4:
      return { messages: NONE, state: result[3], stop: { reason, ...checkDetail(detail), detailed: true } };
    case 5:
      return {
        messages: checkMessages(messages, codec, check),
        state: result[4],
        stop: { reason, ...checkDetail(detail), detailed: true },
      };
    default:
      throw new Fault(
        `['stop', reason, detail?, messages?, state] has 3 to 5 elements, not ${result.length}`,
      );
  }
}

function arity(result: unknown[], length: number, form: string): void {
  if (result.length !== length) throw new Fault(`${form} has ${length} elements, not ${result.length}`);
}

function defaultCode(reason: unknown): number {
  if (reason === 'normal' || isShutdown(reason, 'disconnected')) return 1000;
  return isShutdown(reason, 'restart') ? 1012 : 1011;
}

/** Is this one of WebSock's two shutdown reasons that count as a normal end? */
export function isNormalShutdown(reason: unknown): boolean {
  return isShutdown(reason, 'disconnected') || isShutdown(reason, 'restart');
}

function isShutdown(reason: unknown, kind: string): boolean {
  return Array.isArray(reason) && reason.length === 2 && reason[0] === 'shutdown' && reason[1] === kind;
}

function checkDetail(detail: unknown): { code: number; closeReason: string | Uint8Array } {
  const [code, reason] = Array.isArray(detail) ? detail : [detail, null];
  if (Array.isArray(detail) && detail.length !== 2) {
    throw new Fault(`a close detail is a code or [code, reason], not a list of ${detail.length}`);
  }
  if (!isCloseCode(code)) {
    throw new Fault(`a close code must be 1000-1003, 1007-1014 or 3000-4999, not ${show(code)}`);
  }
  return { code, closeReason: checkCloseReason(reason) };
}

function checkCloseReason(reason: unknown): string | Uint8Array {
  if (reason === null) return '';
  if (typeof reason !== 'string' && !isUint8Array(reason)) {
    throw new Fault(`a close reason must be a string, bytes or null, not ${show(reason)}`);
  }
  if (Buffer.byteLength(reason) > MAX_CLOSE_REASON_BYTES) {
    throw new Fault(
      `a close reason has at most ${MAX_CLOSE_REASON_BYTES} bytes, not ${Buffer.byteLength(reason)}`,
    );
  }
  if (typeof reason !== 'string' && !isUtf8(reason)) throw new Fault('a close reason must be valid UTF-8');
  return reason;
}

function checkMessages(messages: unknown, codec: Codec, check: MessageCheck): readonly Outgoing[] {
  if (!Array.isArray(messages)) {
    throw new Fault(`messages must be [opcode, payload] or a list of these, not ${show(messages)}`);
  }
  if (messages.length === 0) return NONE;
  return typeof messages[0] === 'string'
    ? [check(messages, codec)]
    : Array.from(messages, (message) => check(message, codec));
}

function checkMessage(message: unknown, codec: Codec): Outgoing {
  if (!Array.isArray(message) || message.length !== 2) {
    throw new Fault(`a message must be [opcode, payload], not ${show(message)}`);
  }
  const [opcode, given] = message;
  switch (opcode) {
    case 'text':
      return { opcode, payload: checkText(given) };
    case 'binary':
      return { opcode, payload: flatten(given) };
    case 'ping':
    case 'pong':
      return { opcode, payload: checkControl(opcode, given) };
    case 'json':
      return checkMessage(encode(given, codec), codec);
    default:
      throw new Fault(`an opcode must be 'text', 'binary', 'ping' or 'pong', not ${show(opcode)}`);
  }
}

function encode(value: unknown, codec: Codec): EncodedMessage {
  let message: EncodedMessage;
  try {
    message = codec.encode(value);
  } catch (error) {
    throw new Fault(`the codec cannot encode the value of a json message: ${String(error)}`, {
      cause: error,
    });
  }
  // Else a codec that answers with a value would never come to an end.
  if (message?.[0] === 'text' || message?.[0] === 'binary') return message;
  throw new Fault(`the codec must encode to a text or a binary message, not to ${show(message)}`);
}

function checkText(given: unknown): string | Uint8Array {
  const payload = flatten(given);
  if (typeof payload !== 'string' && !isUtf8(payload)) throw new Fault('a text payload must be valid UTF-8');
  return payload;
}

function checkControl(opcode: Opcode, given: unknown): string | Uint8Array {
  const payload = flatten(given);
  const size = Buffer.byteLength(payload);
  if (size > MAX_CONTROL_BYTES)
    throw new Fault(`a ${opcode} has at most ${MAX_CONTROL_BYTES} bytes of payload, not ${size}`);
  return payload;
}

/** One piece of a payload that may be a nested list. */
function flatten(payload: unknown): string | Uint8Array {
  if (typeof payload === 'string') return payload;
  if (isUint8Array(payload)) return checkBytes(payload);
  if (payload === null) return '';
  if (!Array.isArray(payload)) {
    throw new Fault(
      `a payload must be a string, Uint8Array, null or a nested list of these, not ${show(payload)}`,
    );
  }
  const pieces: (string | Uint8Array)[] = [];
  collect(payload, pieces, 1);
  // Strings are joined as strings, so that a surrogate pair cut in two stays one character.
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('');
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
}

/** Bytes that were transferred to another thread look like none. */
function checkBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) return bytes;
  try {
    NO_BYTES.set(bytes);
    return bytes;
  } catch {
    throw new Fault('the bytes of a payload are gone: their ArrayBuffer was transferred or cut off');
  }
}

function collect(list: readonly Payload[], pieces: (string | Uint8Array)[], depth: number): void {
  if (depth > MAX_DEPTH) throw new Fault(`a payload is nested at most ${MAX_DEPTH} lists deep`);
  for (const item of list) {
    if (Array.isArray(item)) collect(item as readonly Payload[], pieces, depth + 1);
    else pieces.push(flatten(item));
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return typeof value === 'function' ? 'a function' : String(value);
}
