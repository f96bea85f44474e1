import { z } from 'zod';

/** How large the board is, and how much fits on a note. */
export const BOARD = { width: 1_000, height: 600, text: 140 } as const;

const place = { x: z.number().min(0).max(BOARD.width), y: z.number().min(0).max(BOARD.height) };

// What a client sends: one schema for each clause of the handler. `type` tells them apart.

export const Add = z.object({
  type: z.literal('add'),
  text: z.string().trim().min(1).max(BOARD.text),
  ...place,
});
export const Move = z.object({ type: z.literal('move'), id: z.int(), ...place });
export const Remove = z.object({ type: z.literal('remove'), id: z.int() });

export type Add = z.infer<typeof Add>;
export type Move = z.infer<typeof Move>;
export type Remove = z.infer<typeof Remove>;

/** What the server sends. An invalid message is answered with `{ type: 'error', code: 'invalid_message', … }` besides. */
export type ServerMessage =
  | { type: 'board'; board: typeof BOARD; notes: Note[] }
  | { type: 'note'; note: Note }
  | { type: 'removed'; id: number }
  | { type: 'error'; code: 'no_such_note'; message: string };

export interface Note {
  readonly id: number;
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

// What the app tells its handlers: classes, so that a clause can take them by their class.

export class NoteChanged {
  constructor(readonly note: Note) {}
}

export class NoteRemoved {
  constructor(readonly id: number) {}
}
