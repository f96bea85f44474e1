import type { RawMessage } from 'nestjs-websock';
import { frame, unframe } from './frame.js';

/** What `@supabase/realtime-js` adds to Phoenix V2: a broadcast whose event is the user's, and whose payload may be bytes. */
export interface UserBroadcast<Payload = unknown> {
  readonly type: 'broadcast';
  readonly event: string;
  readonly payload: Payload;
}

/** The event of both, as channels and text messages have it. */
export const BROADCAST = 'broadcast';

/** From the client, of text and of bytes; to the client, of bytes only. */
export const USER_PUSH = 3;
const USER_BROADCAST = 4;

const BYTES = 0;
const JSON_TEXT = 1;
const NO_METADATA = '';

export function isBinaryBroadcast(event: string, payload: unknown): payload is UserBroadcast<Uint8Array> {
  return event === BROADCAST && (payload as UserBroadcast | null)?.payload instanceof Uint8Array;
}

export function encodeBroadcast(topic: string, { event, payload }: UserBroadcast<Uint8Array>): RawMessage {
  return frame(USER_BROADCAST, [topic, event, NO_METADATA], payload, BYTES);
}

/** @throws Error for what is no such push */
export function decodeUserPush(message: Buffer) {
  const [fields, data] = unframe(message, 5, 1);
  const [joinRef, ref, topic, event] = fields as [string, string, string, string];
  const payload: unknown = message[6] === JSON_TEXT ? JSON.parse(data.toString()) : data;
  return [
    joinRef,
    ref,
    topic,
    BROADCAST,
    { type: BROADCAST, event, payload } satisfies UserBroadcast,
  ] as const;
}
