import { Packr } from 'msgpackr';
import { Random } from '../../test/support/random.js';
import type { EncodedMessage } from '../websock/codec.js';
import { messagePack } from './message-pack.js';
import { checkMessagePack } from './well-formed.js';

const codec = messagePack();

function decode(...bytes: readonly (number | Uint8Array)[]): unknown {
  const pieces = bytes.map((piece) => (typeof piece === 'number' ? Buffer.of(piece) : piece));
  return codec.decode(['binary', Buffer.concat(pieces)]);
}

function encode(value: unknown): Uint8Array {
  const [opcode, payload] = codec.encode(value) as EncodedMessage & ['binary', Uint8Array];
  expect(opcode).toBe('binary');
  return payload;
}

/** A header with a length behind it: `0xdd`, 4 bytes. */
function header(token: number, size: 1 | 2 | 4, length: number): Buffer {
  const bytes = Buffer.alloc(1 + size, token);
  bytes.writeUIntBE(length, 1, size);
  return bytes;
}

function timestamp64(nanoseconds: number): Buffer {
  const bytes = Buffer.of(0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
  bytes.writeUInt32BE(nanoseconds * 4, 2);
  return bytes;
}

function timestamp96(nanoseconds: number, seconds: bigint): Buffer {
  const bytes = Buffer.concat([Buffer.of(0xc7, 12, 0xff), Buffer.alloc(12)]);
  bytes.writeUInt32BE(nanoseconds, 3);
  bytes.writeBigInt64BE(seconds, 7);
  return bytes;
}

describe('encode and decode', () => {
  it.each([
    [null],
    [true],
    [-1],
    [1.5],
    [''],
    ['é'.repeat(100)],
    ['x'.repeat(70_000)],
    [[]],
    [Array.from({ length: 70_000 }, (_, i) => i)],
    [{ type: 'say', at: [1, { b: { c: null } }] }],
    [Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key ${i}`, i]))],
    [new Date(1_700_000_000_123)],
    [new Date(-1)],
    [Buffer.of(1, 2, 3)],
    [Buffer.alloc(70_000, 7)],
    [nested(1_000)],
    [nested(1_000, new Date(0))],
  ])('keep a value as it is (%#)', (value) => {
    expect(decode(encode(value))).toEqual(value);
  });

  it('speak the standard', () => {
    expect(Buffer.from(encode({ a: [1, 'b', null] })).toString('hex')).toBe('81a1619301a162c0');
    expect(Buffer.from(encode({ a: undefined })).toString('hex')).toBe('81a161c0');
  });

  it('have numbers as long as they are exact, then BigInts', () => {
    expect(decode(header(0xcf, 4, 0), Buffer.of(0, 0, 0, 7))).toBe(7);
    expect(decode(encode(2n ** 53n))).toBe(2 ** 53);
    expect(decode(encode(2n ** 53n + 1n))).toBe(2n ** 53n + 1n);
    expect(decode(encode(-(2n ** 53n) - 1n))).toBe(-(2n ** 53n) - 1n);
    expect(decode(encode(Date.UTC(2100, 0)))).toBe(Date.UTC(2100, 0));
  });

  it('leave the message as it was', () => {
    const message = Buffer.from(encode([1]));
    codec.decode(['binary', message]);
    expect(Object.keys(message)).toEqual(Object.keys(Buffer.from(message)));
  });

  it('do not overwrite what was encoded before', () => {
    const first = encode({ a: 1 });
    for (let i = 0; i < 5_000; i++) encode({ b: i });
    expect(decode(first)).toEqual({ a: 1 });
  });
});

describe('encode', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  class Account {
    constructor(
      readonly id: number,
      readonly owner: unknown,
    ) {}
  }

  it.each<[string, unknown, string]>([
    ['a cycle', cycle, 'deeper than 1000 levels, or it contains itself'],
    ['too deep a value', nested(1_001), 'deeper than 1000 levels'],
    ['toJSON() without end', endless(), 'deeper than 1000 levels'],
    ['a symbol', Symbol('a'), 'MessagePack has no symbol'],
    ['a function', () => 1, 'MessagePack has no function'],
    ['a class', Account, 'MessagePack has no function'],
    ['too large a BigInt', 2n ** 64n, 'too large'],
    ['an invalid Date', new Date(NaN), 'MessagePack has no invalid Date'],
    ['an error', new TypeError('my secret'), 'MessagePack has no Error'],
    ['a regular expression', /a/, 'MessagePack has no RegExp'],
    ['a promise', Promise.resolve(1), 'MessagePack has no Promise'],
    ['a WeakMap', new WeakMap(), 'MessagePack has no WeakMap'],
    ['a WeakSet', new WeakSet(), 'MessagePack has no WeakSet'],
    ['an object for a key', new Map([[{}, 1]]), 'an object is no key'],
  ])('throws for %s wherever it is, and goes on', (_, value, words) => {
    const places = [
      value,
      [value],
      { value },
      new Account(1, value),
      new Map([['a', value]]),
      new Set([value]),
    ];
    for (const place of [...places, { toJSON: () => value }])
      expect(() => codec.encode(place)).toThrow(words);
    expect(decode(encode([1]))).toEqual([1]);
  });

  class Entries extends Map<unknown, unknown> {}
  const own = Object.defineProperty({}, '__proto__', { value: new Set([1]), enumerable: true });

  it.each<[string, unknown, unknown]>([
    ['an instance', new Account(1, { a: 1 }), { id: 1, owner: { a: 1 } }],
    ['toJSON()', { toJSON: () => [new Set([1])] }, [[1]]],
    ['toJSON() of an instance', new URL('http://a.example/b'), 'http://a.example/b'],
    ['toJSON() of a list', Object.assign([1], { toJSON: () => 'list' }), 'list'],
    [
      'a toJSON that is no function',
      Object.assign(Object.create(null) as object, { toJSON: 1 }),
      { toJSON: 1 },
    ],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', new Set([1])],
        [2, null],
      ]),
      { a: [1], 2: null },
    ],
    ['a Map of a subclass', new Entries([['a', 1]]), { a: 1 }],
    ['a Set', { a: 1, set: new Set([1, 'b']) }, { a: 1, set: [1, 'b'] }],
    ['boxed primitives', [Object('a'), Object(1), Object(false)], ['a', 1, false]],
    ['a list with holes', Object.assign(Array<unknown>(3), { 1: new Set() }), [null, [], null]],
    ['a key __proto__', own, { __proto_: [1] }],
    ['numbers', [NaN, -Infinity], [NaN, -Infinity]],
    [
      'a lone surrogate',
      { '\ud800': ['\udc00', 'a\ud800'.repeat(50)] },
      { '\ufffd': ['\ufffd', 'a\ufffd'.repeat(50)] },
    ],
    [
      'the first and the last date',
      [new Date(-8.64e15), new Date(8.64e15)],
      [new Date(-8.64e15), new Date(8.64e15)],
    ],
  ])('has a form for %s', (_, value, expected) => {
    expect(decode(encode(value))).toEqual(expected);
  });

  it('leaves the value as it was', () => {
    const value = { list: [new Set([1]), undefined], date: new Date(0), text: '\ud800' };
    const before = structuredClone(value);
    encode(value);
    expect(value).toStrictEqual(before);
  });

  const buffer = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;

  it.each<[string, unknown, number[]]>([
    ['a Buffer', Buffer.from(buffer, 1, 2), [1, 2]],
    ['a Uint8Array', new Uint8Array(buffer, 1, 2), [1, 2]],
    ['a Uint16Array', new Uint16Array(buffer, 2, 2), [2, 3, 4, 5]],
    ['a DataView', new DataView(buffer, 1, 2), [1, 2]],
    ['an ArrayBuffer', buffer, [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('gives the bytes of %s, and no others', (_, value, bytes) => {
    expect(Buffer.from(encode([value]))).toEqual(Buffer.of(0x91, 0xc4, bytes.length, ...bytes));
  });
});

/** Arrays in each other. */
function nested(levels: number, innermost: unknown = null): unknown {
  let value = innermost;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

function endless(): object {
  return { toJSON: endless };
}

describe('decode', () => {
  it('takes no text', () => {
    expect(() => codec.decode(['text', '{}'])).toThrow('expected MessagePack, got a text message');
  });

  const deep = (levels: number, token: number, key = '') =>
    Buffer.concat([
      Buffer.from(`${String.fromCharCode(token)}${key}`.repeat(levels), 'latin1'),
      Buffer.of(0xc0),
    ]);

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['two values', Buffer.of(1, 2)],
    ['bytes behind the value', Buffer.concat([encode({ a: 'my secret' }), Buffer.of(0xc0)])],
    ['a header without its length', Buffer.of(0xdd, 0, 0)],
    ['an array that is longer than the message', header(0xdd, 4, 0xffff_ffff)],
    ['arrays of it in each other', Buffer.concat(Array(900).fill(header(0xdd, 4, 0x00ff_ffff)))],
    ['a map that is longer than the message', header(0xdf, 4, 0xffff_ffff)],
    ['text that is longer than the message', header(0xdb, 4, 0xffff_ffff)],
    ['text that is a byte longer than the message', Buffer.of(0xa3, 0x61, 0x61)],
    ['bytes that are longer than the message', header(0xc6, 4, 0xffff_ffff)],
    ['bytes that are a byte longer than the message', Buffer.of(0xc4, 2, 0)],
    ['an extension that is longer than the message', header(0xc9, 4, 0xffff_ffff)],
    ['a map without its last value', Buffer.of(0x81, 0xa1, 0x61)],
    ['a map with an array for a key', Buffer.of(0x81, 0x91, 1, 1)],
    ['the token that is never used', Buffer.of(0xc1)],
    ['100,000 arrays in each other', deep(100_000, 0x91)],
    ['100,000 maps in each other', deep(100_000, 0x81, '\xa1a')],
    ['10 MB of open arrays', deep(10_000_000, 0x91)],
    ['1,001 arrays in each other', deep(1_001, 0x91)],
    ['an unknown extension', Buffer.of(0xd4, 7, 0)],
    ['undefined', Buffer.of(0xd4, 0, 0)],
    ['an invalid date', Buffer.of(0xd4, 0xff, 0xff)],
    ['a timestamp of the wrong size', Buffer.of(0xc7, 1, 0xff, 0)],
    ['8 bytes of timestamp with a whole second of nanoseconds', timestamp64(1e9)],
    ['12 bytes of timestamp with a whole second of nanoseconds', timestamp96(1e9, 0n)],
    ['a time that is too late for a Date', timestamp96(0, 8_640_000_000_001n)],
    ['a time that is a nanosecond too late', timestamp96(1, 8_640_000_000_000n)],
    ['a time that is too early for a Date', timestamp96(0, -8_640_000_000_001n)],
    ['a time at the end of its 64 bits', timestamp96(0, -(2n ** 63n))],
    ['text that is no UTF-8', Buffer.of(0xa2, 0xc3, 0x28)],
    ['a surrogate in text', Buffer.of(0xa3, 0xed, 0xa0, 0x80)],
    ['text that ends in a character', Buffer.of(0xa1, 0xc3)],
    [
      'long text that is no UTF-8',
      Buffer.concat([header(0xd9, 1, 200), Buffer.alloc(199, 97), Buffer.of(0xff)]),
    ],
    ['a key that is no UTF-8', Buffer.of(0x81, 0xa1, 0xff, 1)],
  ])('refuses %s, in words without the payload', (_, bytes) => {
    expect(() => decode(bytes)).toThrow(SyntaxError);
    expect(() => decode(bytes)).toThrow(/^(not valid MessagePack|MessagePack deeper than 1000 levels)$/);
  });

  it.each<[string, Buffer, string]>([
    ['the last nanosecond of 8 bytes', timestamp64(999_999_999), '1970-01-01T00:00:00.999Z'],
    ['the last nanosecond of 12 bytes', timestamp96(999_999_999, 0n), '1970-01-01T00:00:00.999Z'],
    ['the last time of a Date', timestamp96(0, 8_640_000_000_000n), '+275760-09-13T00:00:00.000Z'],
    ['the first time of a Date', timestamp96(0, -8_640_000_000_000n), '-271821-04-20T00:00:00.000Z'],
  ])('takes %s', (_, bytes, time) => {
    expect((decode(bytes) as Date).toISOString()).toBe(time);
  });

  it.each(['ü', '€'.repeat(8), 'a'.repeat(24) + '𐍈', '\ufffd'])('takes %s', (text) => {
    expect(decode(encode({ [text]: text }))).toEqual({ [text]: text });
  });

  it.each([
    ['maps', Buffer.of(0x80)],
    ['long maps', header(0xde, 2, 0)],
    ['arrays', Buffer.of(0x90)],
    ['long arrays', header(0xdc, 2, 0)],
    ['bins', header(0xc4, 1, 0)],
    ['timestamps', Buffer.of(0xd6, 0xff, 0, 0, 0, 0)],
  ])('takes 1,000,000 objects and no more: %s', (_, item) => {
    const list = (length: number) =>
      Buffer.concat([header(0xdd, 4, length), Buffer.alloc(length * item.length, item)]);
    expect(() => checkMessagePack(list(999_999))).not.toThrow();
    expect(() => decode(list(1_000_000))).toThrow(
      new SyntaxError('MessagePack with more than 1000000 objects'),
    );
  });

  it('takes 1,000 arrays in each other', () => {
    expect(JSON.stringify(decode(deep(1_000, 0x91)))).toBe(`${'['.repeat(1_000)}null${']'.repeat(1_000)}`);
  });

  const everything = new Packr({ moreTypes: true, structuredClone: true, useBigIntExtension: true });
  const plain = new Packr({ moreTypes: true, useRecords: false });
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  it.each<[string, Buffer]>([
    ['records', everything.pack({ a: 1 })],
    ['a record of another message', Buffer.of(0x92, 0xd4, 0x72, 0x40)],
    ['references', everything.pack(cycle)],
    [
      'bundled strings',
      new Packr({ bundleStrings: true, useRecords: false }).pack(['a long text', 'another text']),
    ],
    ['errors', plain.pack(new TypeError('a'))],
    ['regular expressions', plain.pack(/(a+)+$/)],
    ['sets', plain.pack(new Set([1]))],
    ['typed arrays', Buffer.concat([Buffer.of(0xc7, 9, 0x74, 8), Buffer.alloc(8)])],
    ['large BigInts', everything.pack(2n ** 100n)],
  ])("refuses msgpackr's own extensions: %s", (_, bytes) => {
    expect(() => decode(bytes)).toThrow('not valid MessagePack');
  });

  it.each([
    ['__proto__', encode('__proto__')],
    ['__proto__ as bytes of a longer header', Buffer.concat([header(0xd9, 1, 9), Buffer.from('__proto__')])],
    ['constructor', encode('constructor')],
  ])('pollutes no prototype: %s', (_, key) => {
    const value = decode(0x81, key, encode({ polluted: 1, prototype: { polluted: 1 } })) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('gives a value or a SyntaxError for any bytes, and works on', () => {
    const random = new Random(7);
    const valid = Buffer.from(encode([{ type: 'say', text: 'abc', at: new Date(0) }, [1.5, -7, null, true]]));
    for (let i = 0; i < 200; i++) {
      const bytes = random.chance(2) ? random.bytes(1 + random.below(200)) : Buffer.from(valid);
      if (bytes.equals(valid)) bytes[random.below(bytes.length)] = random.below(256);
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
      expect(decode(valid)).toHaveLength(2);
    }
  });

  it('refuses every part of a message that is cut', () => {
    const valid = encode({ type: 'say', list: [1, 'b', Buffer.of(1), new Date(0)], n: 70_000 });
    for (let length = 0; length < valid.length; length++) {
      expect(() => decode(valid.subarray(0, length))).toThrow(SyntaxError);
    }
  });
});
