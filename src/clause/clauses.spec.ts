import type { StandardSchemaV1 } from '@standard-schema/spec';
import { jest } from '@jest/globals';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { jsonCodec, type Codec } from '../websock/codec.js';
import { NoClauseError } from '../websock/errors.js';
import type { DataMessage } from '../websock/message.js';
import { checkClauses, matchInfo, matchMessage, type Clause, type Match } from './clauses.js';
import type { Pattern } from './pattern.js';

/** Clauses named by their place: a, b, c, … */
function clauses(...patterns: readonly (Pattern | undefined)[]): Clause[] {
  return patterns.map((pattern, index) => ({ method: 'abcdef'[index]!, pattern }));
}

function text(value: unknown): DataMessage {
  return ['text', JSON.stringify(value)];
}

function match(patterns: readonly (Pattern | undefined)[], message: DataMessage, codec = jsonCodec) {
  return matchMessage(clauses(...patterns), message, codec, 'RoomHandler @OnIn()');
}

function matched(patterns: readonly (Pattern | undefined)[], message: DataMessage, codec = jsonCodec) {
  const { clause, message: got } = match(patterns, message, codec) as Match;
  return [clause.method, got];
}

function refusal(run: () => unknown): NoClauseError {
  try {
    run();
  } catch (error) {
    if (error instanceof NoClauseError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function issues(patterns: readonly (Pattern | undefined)[], message: DataMessage) {
  return refusal(() => match(patterns, message)).issues;
}

/** A hand-made schema that looks at its value `after` something. */
function slowly<T>(after: Promise<unknown>, accepts: (value: unknown) => value is T): StandardSchemaV1<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'hand-made',
      validate: async (value) => {
        await after;
        return accepts(value) ? { value } : { issues: [{ message: 'refused' }] };
      },
    },
  };
}

const isString = (value: unknown): value is string => typeof value === 'string';

describe('the order of clauses', () => {
  it('is that of declaration: the first that takes the message', () => {
    expect(matched([z.number(), z.string(), z.unknown()], text('a'))).toEqual(['b', 'a']);
    expect(matched([z.unknown(), z.string()], text('a'))).toEqual(['a', 'a']);
  });

  it('gives a method without a pattern, or with the opcode, the message unchanged', () => {
    const message: DataMessage = ['text', '{"a":1}'];
    for (const pattern of [undefined, 'text' as const]) {
      const { message: got } = match([pattern], message) as Match;
      expect(got).toBe(message);
    }
    const bytes: DataMessage = ['binary', Buffer.of(1)];
    expect(matched(['text', 'binary'], bytes)).toEqual(['b', bytes]);
  });

  it('falls through to a method without a pattern', () => {
    expect(matched([z.number(), undefined], ['text', 'no JSON'])).toEqual(['b', ['text', 'no JSON']]);
    expect(matched([z.number(), undefined], ['binary', Buffer.of(1)])).toEqual([
      'b',
      ['binary', Buffer.of(1)],
    ]);
  });
});

describe.each([
  ['zod', z.object({ type: z.literal('say'), at: z.string().transform(Number) })],
  ['valibot', v.object({ type: v.literal('say'), at: v.pipe(v.string(), v.transform(Number)) })],
  ['arktype', type({ type: "'say'", at: ['string', '=>', Number] })],
])('a schema of %s', (_, schema) => {
  it('gives the method what it makes of the value', () => {
    expect(matched([schema], text({ type: 'say', at: '7' }))).toEqual(['a', { type: 'say', at: 7 }]);
  });

  it('names the fault and where it is', () => {
    expect(issues([schema], text({ type: 'say', at: 7 }))).toEqual([
      { path: ['at'], message: expect.any(String) },
    ]);
  });

  it.each([
    ['a polluting key', '{"type":"say","at":"1","__proto__":{"polluted":1}}'],
    ['a polluting value', '{"type":"__proto__","at":{"__proto__":{"polluted":1}}}'],
    ['10 MB', JSON.stringify({ type: 'say', at: '7', more: 'x'.repeat(10_000_000) })],
    ['100,000 levels', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['100,000 levels, cut', '['.repeat(100_000)],
    ['100,000 levels of a field', `{"type":"say","at":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
  ])('meets hostile JSON, %s, with a value or an error of this message only', (_case, payload) => {
    let value: unknown = {};
    try {
      [, value] = matched([schema], ['text', payload]);
    } catch (error) {
      // Of libraries that walk the value by recursion it may be a stack overflow.
      if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(NoClauseError);
    }
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('decoding', () => {
  function counting(decode: Codec['decode'] = jsonCodec.decode) {
    const spy = jest.fn(decode);
    return { spy, codec: { ...jsonCodec, decode: spy } };
  }

  it('happens once, for however many schemas', () => {
    const { spy, codec } = counting();
    expect(matched([z.number(), z.boolean(), z.string()], text('a'), codec)).toEqual(['c', 'a']);
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it('is not repeated once it has failed', () => {
    const { spy, codec } = counting();
    expect(matched([z.number(), z.string(), 'text'], ['text', '{'], codec)[0]).toBe('c');
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it('does not happen where no schema is reached', () => {
    const { spy, codec } = counting();
    matched(['text', z.string()], text('a'), codec);
    matched([undefined], text('a'), codec);
    expect(spy).not.toHaveBeenCalled();
  });

  it('fails as an issue, in the words of the codec and without the payload', () => {
    expect(issues([z.string()], ['text', 'my secret'])).toEqual([{ path: [], message: 'not valid JSON' }]);
    expect(issues([z.string()], ['binary', Buffer.of(1)])).toEqual([
      { path: [], message: 'expected JSON text, got a binary message' },
    ]);
  });

  it('keeps what the codec threw as the cause', () => {
    const { codec } = counting(() => {
      throw 'anything';
    });
    const error = refusal(() => match([z.string()], text('a'), codec));
    expect(error).toMatchObject({ cause: 'anything', issues: [{ path: [], message: 'cannot be decoded' }] });
  });
});

describe('a schema with promises', () => {
  it('makes the match a promise, and only then', async () => {
    const slow = slowly(Promise.resolve(), isString);
    expect(match([z.string(), slow], text('a'))).not.toBeInstanceOf(Promise);
    const pending = match([z.number(), slow], text('a'));
    expect(pending).toBeInstanceOf(Promise);
    await expect(pending).resolves.toMatchObject({ clause: { method: 'b' }, message: 'a' });
  });

  it('keeps the clauses behind it waiting', async () => {
    let resolve!: () => void;
    const promise = new Promise<void>((resolved) => (resolve = resolved));
    const later = jest.fn((value: unknown) => ({ value }));
    const after: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'hand-made', validate: later } };
    const pending = match([slowly(promise, isString), after], text(7));
    expect(later).not.toHaveBeenCalled();
    resolve();
    await expect(pending).resolves.toMatchObject({ clause: { method: 'b' }, message: 7 });
  });

  it('may have promises of a class of its own', async () => {
    const then = (resolve: (result: { value: number }) => void) => resolve({ value: 7 });
    const validate = () => ({ then }) as unknown as Promise<{ value: number }>;
    const foreign: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'hand-made', validate } };
    await expect(match([foreign], text('a'))).resolves.toMatchObject({ message: 7 });
  });

  it('rejects with the NoClauseError', async () => {
    const pending = match([slowly(Promise.resolve(), isString), z.string()], text(7));
    await expect(pending).rejects.toThrow(NoClauseError);
  });
});

describe('a schema that throws', () => {
  const bug = () => {
    throw new Error('a bug');
  };
  const broken: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'hand-made', validate: bug } };

  it('is a fault of the program: the error comes through', async () => {
    expect(() => match([broken, undefined], text('a'))).toThrow('a bug');
    // zod then tries once more, as if the schema were asynchronous.
    await expect(match([z.string().transform(bug), undefined], text('a'))).rejects.toThrow('a bug');
  });
});

describe('NoClauseError', () => {
  it('names handler and callback, never the payload', () => {
    const error = refusal(() => match([z.number(), 'binary'], ['text', '"my secret"']));
    expect(error).toMatchObject({ code: 'WEBSOCK_NO_CLAUSE', name: 'NoClauseError' });
    expect(error.message).toBe('RoomHandler @OnIn(): no method takes this text message');
  });

  it('says which opcode is not taken where there is no schema', () => {
    expect(issues(['text'], ['binary', Buffer.of(1)])).toEqual([
      { path: [], message: 'binary messages are not taken' },
    ]);
  });

  const [at, hidden] = [Symbol('at'), { key: 'hidden' }];
  const odd: StandardSchemaV1 = {
    '~standard': {
      version: 1,
      vendor: 'hand-made',
      validate: () => ({
        issues: [{ message: 'odd', path: ['a', 0, at, hidden] }, { message: 'all of it' }],
      }),
    },
  };

  it('has plain paths, whatever the library makes them of', () => {
    expect(issues([odd], text(1))).toEqual([
      { path: ['a', 0, 'Symbol(at)', 'hidden'], message: 'odd' },
      { path: [], message: 'all of it' },
    ]);
  });
});

describe('a message with 100,000 faults', () => {
  it('costs no more than the schemas do', () => {
    const numbers = z.record(z.string(), z.number());
    const booleans = z.record(z.string(), z.boolean());
    const message = text(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`field ${i}`, 'a'])));
    expect(issues([numbers, booleans], message).length).toBeLessThanOrEqual(200);
  });
});

describe('matchInfo', () => {
  class PostCreated {
    constructor(readonly id: string) {}
  }
  class PostPinned extends PostCreated {}

  function info(patterns: readonly (Pattern | undefined)[], message: unknown) {
    return matchInfo(clauses(...patterns), message, 'RoomHandler @OnInfo()') as Match;
  }

  it('takes instances by their class, those of subclasses included, unchanged', () => {
    const pinned = new PostPinned('7');
    expect(info([PostPinned, PostCreated], new PostCreated('7')).clause.method).toBe('b');
    expect(info([Date, PostCreated], pinned)).toEqual({
      clause: expect.objectContaining({ method: 'b' }),
      message: pinned,
    });
    expect(info([Date, PostCreated], pinned).message).toBe(pinned);
  });

  it('shows schemas the message itself', () => {
    const schema = z.object({ at: z.date() });
    expect(info([PostCreated, schema], { at: new Date(7), more: 1 })).toMatchObject({
      clause: { method: 'b' },
      message: { at: new Date(7) },
    });
  });

  it.each([
    [new PostCreated('7'), 'an instance of PostCreated'],
    [Object.create(null), 'an object'],
    ['my secret', 'a string'],
    [null, 'null'],
  ])('says what was not taken, without its contents (%#)', (message, kind) => {
    const error = refusal(() => info([Date], message));
    expect(error.message).toBe(`RoomHandler @OnInfo(): no method takes this message, ${kind}`);
    expect(error.issues).toEqual([]);
  });
});

describe('checkClauses', () => {
  class PostCreated {}
  class PostPinned extends PostCreated {}
  const schema = z.string();

  it.each<[string, 'handleIn' | 'handleInfo', readonly (Pattern | undefined)[], string]>([
    ['a method without a pattern', 'handleIn', [undefined, 'text'], 'a() (anything)'],
    ['the same opcode', 'handleIn', ['text', 'text'], 'a() (text)'],
    ['the same schema', 'handleIn', [schema, z.string(), schema], 'a() (a zod schema)'],
    ['the class that it extends', 'handleInfo', [PostCreated, PostPinned], 'a() (PostCreated)'],
    ['the same class', 'handleInfo', [PostCreated, PostCreated], 'a() (PostCreated)'],
    ['both opcodes', 'handleIn', ['binary', 'text', schema], 'a() (binary) and b() (text)'],
  ])('refuses a clause behind %s', (_, callback, patterns, takers) => {
    const check = () => checkClauses(callback, clauses(...patterns), 'RoomHandler');
    expect(check).toThrow(expect.objectContaining({ code: 'WEBSOCK_UNREACHABLE_CLAUSE' }));
    expect(check).toThrow(`never runs: ${takers} `);
    expect(check).toThrow('Declare it before a()');
  });

  it.each<[string, 'handleIn' | 'handleInfo', unknown, string]>([
    ['a class', 'handleIn', PostCreated, 'not the class PostCreated'],
    ['an opcode', 'handleInfo', 'text', "not 'text'"],
    ['another opcode', 'handleIn', 'ping', "not 'ping'"],
    ['an object', 'handleIn', { type: 'say' }, 'not { type: '],
    ['null', 'handleInfo', null, 'not null'],
    ['an arrow function', 'handleInfo', () => true, 'not [Function'],
    ['a class that its values are no instances of', 'handleInfo', String, 'not the class String'],
  ])('refuses as a pattern %s on %s', (_, callback, pattern, told) => {
    const check = () => checkClauses(callback, clauses(pattern as Pattern), 'RoomHandler');
    expect(check).toThrow(expect.objectContaining({ code: 'WEBSOCK_PATTERN' }));
    expect(check).toThrow(told);
    expect(check).toThrow(`RoomHandler.a(): @${callback === 'handleIn' ? 'OnIn' : 'OnInfo'}()`);
  });

  it('leaves alone what can all be reached', () => {
    const arktype = type('string');
    checkClauses('handleIn', clauses(schema, arktype, v.string(), 'text', undefined), 'RoomHandler');
    checkClauses('handleInfo', clauses(PostPinned, PostCreated, arktype, undefined), 'RoomHandler');
  });
});
