import { Packr } from 'msgpackr';
import { Random } from '../../test/support/random.js';
import type { EncodedMessage } from '../websock/codec.js';
import { messagePack } from './message-pack.js';

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

  it.each([
    ['a cycle', cycle],
    ['a symbol', Symbol('a')],
    ['too large a BigInt', 2n ** 64n],
  ])('throws for %s, and goes on', (_, value) => {
    expect(() => codec.encode(value)).toThrow();
    expect(decode(encode([1]))).toEqual([1]);
  });
});

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
  ])('refuses %s, in words without the payload', (_, bytes) => {
    expect(() => decode(bytes)).toThrow(SyntaxError);
    expect(() => decode(bytes)).toThrow(/^(not valid MessagePack|MessagePack deeper than 1000 levels)$/);
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
