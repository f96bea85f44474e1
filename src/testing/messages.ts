import { inspect } from 'node:util';
import { bytesOf } from '../server/memory-wire.js';
import type { Codec } from '../websock/codec.js';
import type { ControlMessage, DataMessage, JsonMessage, Message, RawMessage } from '../websock/message.js';
import { equals, isPlain } from './equals.js';
import { isMatcher, type Matcher } from './matcher.js';

/** A message as a client receives it: text as a string, everything else as a Buffer. */
export type ReceivedMessage = DataMessage | ControlMessage;

/**
 * What a message must be: the message itself, a list of opcode and matcher for the payload, a matcher for
 * `[opcode, payload]`, or a function that says so. `json(value)` is any message that the codec decodes to that value, in which
 * matchers may stand for parts.
 */
export type ExpectedMessage =
  | RawMessage
  | JsonMessage
  | readonly [opcode: RawMessage[0], payload: Matcher]
  | Matcher
  | ((message: ReceivedMessage) => boolean);

const SHOWN_AT_MOST = 300;

/** The message to send: a `json(value)` encoded, any other as it is. */
export function encoded(message: Message, codec: Codec): RawMessage {
  return message[0] === 'json' ? codec.encode(message[1]) : message;
}

export function matches(expected: ExpectedMessage, message: ReceivedMessage, codec: Codec): boolean {
  if (typeof expected === 'function') return expected(message);
  if (isMatcher(expected)) return expected.asymmetricMatch(message);
  if (isJson(expected)) {
    const value = decoded(message, codec);
    return value !== undefined && equals(expected[1], value.value);
  }
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
  return cut(opcode, typeof payload === 'string' ? JSON.stringify(payload) : showBytes(opcode, payload));
}

/** The same beside what was expected: where that is a value, so is this if it can be. */
export function showBeside(
  expected: ExpectedMessage | undefined,
  message: ReceivedMessage,
  codec: Codec,
): string {
  const value = isJson(expected) ? decoded(message, codec) : undefined;
  return value === undefined ? show(message) : showValue(value.value);
}

export function showExpected(expected: ExpectedMessage | undefined): string {
  if (expected === undefined) return 'a message';
  if (typeof expected === 'function') return `a message for which ${expected.toString()}`;
  if (isMatcher(expected)) return `a message that matches ${inspect(expected)}`;
  if (isJson(expected)) return showValue(expected[1]);
  const [opcode, payload] = expected;
  if (isMatcher(payload)) return `${opcode}(${inspect(payload)})`;
  return show(
    (opcode === 'text' ? [opcode, bytesOf(payload).toString()] : [opcode, bytesOf(payload)]) as DataMessage,
  );
}

function showBytes(opcode: string, bytes: Buffer): string {
  return opcode === 'binary' ? `<${bytes.toString('hex')}>` : JSON.stringify(bytes.toString());
}

function showValue(value: unknown): string {
  return cut('json', inspect(presentable(value), { depth: 10, breakLength: Infinity, compact: true }));
}

/** Matchers by their own words: `Any<String>`. */
function presentable(value: unknown): unknown {
  if (isMatcher(value)) return { [inspect.custom]: () => wordsOf(value) };
  if (Array.isArray(value)) return value.map(presentable);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, presentable(item)]));
}

/** jest's and vitest's matchers can say what they are. */
function wordsOf(matcher: Matcher & { toAsymmetricMatcher?: () => string }): string {
  return matcher.toAsymmetricMatcher?.() ?? inspect(matcher);
}

function cut(name: string, shown: string): string {
  return `${name}(${shown.length > SHOWN_AT_MOST ? `${shown.slice(0, SHOWN_AT_MOST)}…` : shown})`;
}

function isJson(expected: ExpectedMessage | undefined): expected is JsonMessage {
  return Array.isArray(expected) && expected[0] === 'json';
}

/** The value in a message; undefined where it holds none. */
function decoded(message: ReceivedMessage, codec: Codec): { readonly value: unknown } | undefined {
  if (isControl(message)) return undefined;
  try {
    return { value: codec.decode(message as DataMessage) };
  } catch {
    return undefined;
  }
}
