import { text, type DataMessage, type RawMessage } from 'nestjs-websock';
import { frame, unframe } from './frame.js';
import { decodeUserPush, encodeBroadcast, isBinaryBroadcast, USER_PUSH } from './user-broadcast.js';

/** Names a push of the client's, so that the reply finds it. */
export type Ref = string | null;

/** A message of Phoenix V2. Bytes as the payload, or as the response in a reply's, travel in a binary message. */
export type PhoenixMessage = readonly [
  joinRef: Ref,
  ref: Ref,
  topic: string,
  event: string,
  payload: unknown,
];

/** A reply's status, and what it carries; `{}` unless told. */
export type Reply = readonly [status: 'ok' | 'error', response?: unknown];

/** What is answered: the refs and the topic of a {@link PhoenixMessage}. */
export type Address = readonly [joinRef: Ref, ref: Ref, topic: string, ...rest: unknown[]];

const PUSH = 0;
const REPLY = 1;
const BROADCAST = 2;

/** The reply to a message of the client's. */
export function replyTo([joinRef, ref, topic]: Address, [status, response = {}]: Reply): PhoenixMessage {
  return [joinRef, ref, topic, 'phx_reply', { status, response }];
}

/**
 * As it goes to the client. Of bytes: a reply, a push to the channel of `joinRef`, or, without one, a broadcast.
 *
 * @throws TypeError for what JSON cannot hold, RangeError for a ref, topic or event beside bytes that has more than 255 bytes
 */
export function encode(message: PhoenixMessage): RawMessage {
  const [joinRef, ref, topic, event, payload] = message;
  if (isBinaryReply(event, payload))
    return frame(REPLY, [joinRef ?? '', ref ?? '', topic, payload.status], payload.response);
  if (isBinaryBroadcast(event, payload)) return encodeBroadcast(topic, payload);
  if (!(payload instanceof Uint8Array)) return text(JSON.stringify(message));
  return joinRef === null
    ? frame(BROADCAST, [topic, event], payload)
    : frame(PUSH, [joinRef, topic, event], payload);
}

/** As it came from the client; undefined for what is no message of Phoenix V2. */
export function decode([opcode, data]: DataMessage): PhoenixMessage | undefined {
  try {
    return opcode === 'text' ? decodeText(data) : decodeBinary(data);
  } catch {
    return undefined;
  }
}

function decodeText(data: string): PhoenixMessage | undefined {
  const message: unknown = JSON.parse(data);
  return isMessage(message) ? message : undefined;
}

/** Clients send pushes only. Unlike the server's they have a ref. */
function decodeBinary(data: Buffer): PhoenixMessage | undefined {
  if (data[0] === USER_PUSH) return decodeUserPush(data);
  if (data[0] !== PUSH) return undefined;
  const [fields, payload] = unframe(data, 4);
  const [joinRef, ref, topic, event] = fields as [string, string, string, string];
  return [joinRef, ref, topic, event, payload];
}

function isMessage(value: unknown): value is PhoenixMessage {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [joinRef, ref, topic, event] = value as unknown[];
  return isRef(joinRef) && isRef(ref) && typeof topic === 'string' && typeof event === 'string';
}

function isRef(value: unknown): value is Ref {
  return value === null || typeof value === 'string';
}

interface BinaryReply {
  status: string;
  response: Uint8Array;
}

function isBinaryReply(event: string, payload: unknown): payload is BinaryReply {
  return event === 'phx_reply' && (payload as BinaryReply | null)?.response instanceof Uint8Array;
}
