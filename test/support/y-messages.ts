import { createEncoder, toUint8Array, writeVarString, writeVarUint, writeVarUint8Array } from 'lib0/encoding';

// What a client of y-websocket may send, and what none of them would.

/** Asks for all of the document. */
export const QUESTION = Uint8Array.of(0, 0, 1, 0);

type Said = readonly [client: number, clock: number, state: string];

/** Says this about these clients; states as JSON, or not. */
export function awareness(...all: Said[]): Uint8Array {
  const update = createEncoder();
  writeVarUint(update, all.length);
  for (const [client, clock, state] of all) {
    writeVarUint(update, client);
    writeVarUint(update, clock);
    writeVarString(update, state);
  }
  return message([1], toUint8Array(update));
}

/** Changes of a document, as one update. */
export const changes = (update: Uint8Array) => message([0, 2], update);

/** An update that puts an embedded object into a text: Yjs has it as JSON. */
export function embedding(json: string): Uint8Array {
  const update = createEncoder();
  // One client with one struct, 12345 from 0 on; content 5; it has a parent, the text; nothing is deleted.
  for (const number of [1, 1, 12345, 0, 5, 1]) writeVarUint(update, number);
  writeVarString(update, 'text');
  writeVarString(update, json);
  writeVarUint(update, 0);
  return toUint8Array(update);
}

/** JSON that can be read, but is nested too deeply to be written. */
export const deep = (levels = 7_900) => '['.repeat(levels) + ']'.repeat(levels);

function message(kind: number[], payload: Uint8Array): Uint8Array {
  const encoder = createEncoder();
  for (const number of kind) writeVarUint(encoder, number);
  writeVarUint8Array(encoder, payload);
  return toUint8Array(encoder);
}
