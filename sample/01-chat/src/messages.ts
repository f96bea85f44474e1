import { text, type DataMessage } from 'nestjs-websock';

/** What the server tells a client, as JSON. */
export type ServerMessage = Welcome | RoomEvent | { type: 'error'; error: string };

export interface Welcome {
  type: 'welcome';
  room: string;
  name: string;
  people: string[];
}

/** What happens in a room; everybody in it is told. */
export type RoomEvent =
  | { type: 'joined' | 'left'; name: string; people: string[] }
  | { type: 'said'; name: string; text: string; at: number };

export const MAX_LENGTH = 500;

/** A message that the client will understand. */
export function json(message: ServerMessage) {
  return text(JSON.stringify(message));
}

/** Reads `{ "say": "…" }` as the client sends it; what is wrong with it is for the client to know. */
export function parseSay([opcode, data]: DataMessage): { say: string } | { error: string } {
  if (opcode !== 'text') return { error: 'Only text is understood here.' };
  const say = sayOf(data)?.trim();
  if (!say) return { error: 'Expected {"say": "some text"}.' };
  if (say.length > MAX_LENGTH) return { error: `That is too long: at most ${MAX_LENGTH} characters.` };
  return { say };
}

function sayOf(data: string): string | undefined {
  try {
    const { say } = JSON.parse(data) as { say?: unknown };
    return typeof say === 'string' ? say : undefined;
  } catch {
    return undefined;
  }
}
