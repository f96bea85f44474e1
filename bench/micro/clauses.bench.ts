import { z } from 'zod';
import type { RawMessage } from '../../src/websock/message.js';
import { OnIn, ok, push, text, WebSockHandler, type TextMessage } from '../../src/index.js';
import { TEXTS, type Bench } from './bench.js';
import { nestHandler } from './nest-handler.js';

const Note = z.object({ type: z.literal('note'), text: z.string() });
type Note = z.infer<typeof Note>;
const Other = z.object({ type: z.literal('other') });

const NOTES: readonly RawMessage[] = TEXTS.map(([, data]) => [
  'text',
  JSON.stringify({ type: 'note', text: data }),
]);
const noteOf = ([, data]: RawMessage) => (JSON.parse(data as string) as Note).text;

@WebSockHandler('opcode')
class OpcodeHandler {
  @OnIn('binary')
  ignore(_message: unknown, count: number) {
    return ok(count);
  }

  @OnIn('text')
  echo(message: TextMessage, count: number) {
    return push(message, count + 1);
  }
}

@WebSockHandler('schema')
class SchemaHandler {
  @OnIn(Note)
  note(note: Note, count: number) {
    return push(text(note.text), count + 1);
  }
}

@WebSockHandler('second-schema')
class SecondSchemaHandler {
  @OnIn(Other)
  other(_other: z.infer<typeof Other>, count: number) {
    return ok(count);
  }

  @OnIn(Note)
  note(note: Note, count: number) {
    return push(text(note.text), count + 1);
  }
}

/** By hand: parse, validate, answer. */
const echoNote = ([, data]: RawMessage, count: number) => {
  const { text: note } = Note.parse(JSON.parse(data as string));
  return push(text(note), count + 1);
};

export const benches: readonly Bench[] = [
  {
    name: "@OnIn('binary') and @OnIn('text')",
    handler: () => nestHandler(OpcodeHandler),
    bare: (message, count) => push(message, count + 1),
  },
  {
    name: '@OnIn(zod schema)',
    handler: () => nestHandler(SchemaHandler),
    bare: echoNote,
    messages: NOTES,
    answer: noteOf,
  },
  {
    name: '@OnIn(zod schema), the second of two',
    handler: () => nestHandler(SecondSchemaHandler),
    bare: echoNote,
    messages: NOTES,
    answer: noteOf,
  },
];
