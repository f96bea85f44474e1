import { inspect } from 'node:util';
import { bytesOf } from '../server/memory-wire.js';
import type { ControlMessage, DataMessage, RawMessage } from '../websock/message.js';

/** A message as a client receives it: text as a string, everything else as a Buffer. */
export type ReceivedMessage = DataMessage | ControlMessage;

/** An asymmetric matcher of jest or vitest, such as `expect.stringContaining()`. */
export interface Matcher {
  asymmetricMatch(value: unknown): boolean;
}

/**
 * What a message must be: the message itself, a list of opcode and matcher for the payload, a matcher for
 * `[opcode, payload]`, or a function that says so.
 */
export type ExpectedMessage =
  | RawMessage
  | readonly [opcode: RawMessage[0], payload: Matcher]
  | Matcher
  | ((message: ReceivedMessage) => boolean);

const SHOWN_AT_MOST = 200;

export function matches(expected: ExpectedMessage, message: ReceivedMessage): boolean {
  if (typeof expected === 'function') return expected(message);
  if (isMatcher(expected)) return expected.asymmetricMatch(message);
  const [opcode, payload] = expected;
  if (opcode !== message[0]) return false;
  return isMatcher(payload)
    ? payload.asymmetricMatch(message[1])
    : bytesOf(payload).equals(bytesOf(message[1]));
}

export function isControl(expected: ExpectedMessage | ReceivedMessage | undefined): boolean {
  return Array.isArray(expected) && (expected[0] === 'ping' || expected[0] === 'pong');
}

/** `text("hi")`, as failures show a message. */
export function show([opcode, payload]: ReceivedMessage): string {
  const shown = typeof payload === 'string' ? JSON.stringify(payload) : showBytes(opcode, payload);
  return `${opcode}(${shown.length > SHOWN_AT_MOST ? `${shown.slice(0, SHOWN_AT_MOST)}…` : shown})`;
}

export function showExpected(expected: ExpectedMessage | undefined): string {
  if (expected === undefined) return 'a message';
  if (typeof expected === 'function') return `a message for which ${expected.toString()}`;
  if (isMatcher(expected)) return `a message that matches ${inspect(expected)}`;
  const [opcode, payload] = expected;
  if (isMatcher(payload)) return `${opcode}(${inspect(payload)})`;
  return show(
    (opcode === 'text' ? [opcode, bytesOf(payload).toString()] : [opcode, bytesOf(payload)]) as DataMessage,
  );
}

function showBytes(opcode: string, bytes: Buffer): string {
  return opcode === 'binary' ? `<${bytes.toString('hex')}>` : JSON.stringify(bytes.toString());
}

function isMatcher(value: unknown): value is Matcher {
  return typeof (value as Matcher | null)?.asymmetricMatch === 'function';
}
