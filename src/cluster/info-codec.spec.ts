import { types } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InfoClasses, setInfoName } from '../clause/info-class.js';
import { ByteReader } from './bytes.js';
import { loadInfoCodec, type InfoCodec } from './info-codec.js';
import { InfoEncoding } from './info-encoding.js';
import { infoSize, writeInfo } from './packet.js';

let codec: InfoCodec;

beforeAll(async () => {
  codec = await loadInfoCodec();
});

const roundTrip = (value: unknown): any => codec.decode(Buffer.from(codec.encode(value)));

describe('the default codec', () => {
  const shared = { n: 1 };

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['booleans', [true, false]],
    ['text', 'ü€𐍈'],
    ['empty text', ''],
    ['long text', 'ü'.repeat(100_000)],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['lone surrogates in values and lists', [{ a: '\ud800\ud800' }, ['\udfff']]],
    ['lone surrogates in a Map', new Map([['\ud800', '\udc00']])],
    [
      'numbers',
      [0, 1, -1, 127, 128, 255, 65_536, 2 ** 32, 2 ** 53, -(2 ** 53), 1.5, NaN, Infinity, -Infinity],
    ],
    ['-1 alone', -1],
    ['-0', -0],
    ['-0 in an object', { x: -0, y: [0, -0] }],
    ['bigints', [0n, -5n, 2n ** 63n - 1n, 2n ** 64n, -(2n ** 100n)]],
    ['undefined in objects and lists', { a: undefined, b: [undefined, null] }],
    ['a list with holes', [1, , 3]],
    ['dates', [new Date(0), new Date(-1), new Date(8.64e15), new Date(1_700_000_000_123)]],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', { b: new Map([[1, 2]]) }],
        [{ k: 1 }, new Set([1])],
      ]),
    ],
    ['a Set', new Set([1, 'a', new Date(0)])],
    ['a Buffer', Buffer.from('bytes')],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a Buffer beside a Map', { map: new Map(), bytes: Buffer.from('bytes') }],
    ['typed arrays', [Uint8Array.of(1), Uint16Array.of(1, 2), Float64Array.of(1.5), BigInt64Array.of(-1n)]],
    ['an ArrayBuffer', Uint8Array.of(1, 2).buffer],
    ['a part of a larger typed array', new Uint16Array(Uint16Array.of(1, 2, 3, 4).buffer, 2, 2)],
    ['an expression', /a+/giu],
    ['a key __proto__', JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}')],
    ['many keys', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))],
    ['an own key constructor', { constructor: 'x', hasOwnProperty: 1, toJSON: 'y' }],
  ])('keeps %s', (_, value) => {
    const back = roundTrip(value);
    expect(back).toStrictEqual(value);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('gives a Buffer for a Buffer, and the same view for another', () => {
    expect(Buffer.isBuffer(roundTrip(Buffer.of(1)))).toBe(true);
    expect(Buffer.isBuffer(roundTrip({ a: [Buffer.of(1)] }).a[0])).toBe(true);
    expect(roundTrip(Uint8Array.of(1)).constructor).toBe(Uint8Array);
  });

  it('keeps references to one object, and cycles', () => {
    const back = roundTrip({ a: shared, b: [shared] });
    expect(back.a).toBe(back.b[0]);
    const many = Array.from({ length: 40 }, (_, i) => ({ i }));
    const list = roundTrip([...many, many[39], many[0]]);
    expect(list[40]).toBe(list[39]);
    expect(list[41]).toBe(list[0]);
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle['self'] = [new Map([['me', cycle]])];
    const round = roundTrip(cycle);
    expect(round.self[0].get('me')).toBe(round);
  });

  it('keeps an error with its kind, message and cause', () => {
    const back = roundTrip(new TypeError('wrong', { cause: 'that' }));
    // Jest's tests have constructors of their own; Node's structured clone makes Node's.
    expect(types.isNativeError(back)).toBe(true);
    expect(back).toMatchObject({ name: 'TypeError', message: 'wrong', cause: 'that' });
  });

  it('keeps an invalid date', () => {
    const back = roundTrip({ at: new Date(NaN) }).at;
    expect(types.isDate(back)).toBe(true);
    expect(back.getTime()).toBeNaN();
  });

  it('makes plain objects of instances, wherever they lie, without toJSON()', () => {
    class Money {
      constructor(readonly cents: number) {}
      toJSON() {
        return 'no';
      }
    }
    expect(roundTrip({ price: new Money(5), prices: new Map([['a', new Money(6)]]) })).toStrictEqual({
      price: { cents: 5 },
      prices: new Map([['a', { cents: 6 }]]),
    });
  });

  class Empty {}
  const deep = (levels: number) => {
    let value: unknown = null;
    for (let i = 0; i < levels; i++) value = [value];
    return value;
  };

  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['a class', Empty, 'a function'],
    ['a symbol', { a: { b: Symbol('s') } }, 'a symbol at .a.b'],
    ['a method', { user: { save() {} } }, 'a function at .user.save'],
    ['a function in a list', [1, [() => 1]], 'a function at [1][0]'],
    ['a function in a Map', new Map([['key', () => 1]]), 'a function at .value'],
    ['a function in a Set', { set: new Set([() => 1]) }, 'a function at .set.member'],
    ['a promise', { p: Promise.resolve(1) }, 'an instance of Promise without properties of its own at .p'],
    ['a WeakMap', new WeakMap(), 'an instance of WeakMap'],
    ['a WeakSet', [new WeakSet()], 'an instance of WeakSet'],
    [
      'a URL',
      { url: new URL('http://a.example') },
      'an instance of URL without properties of its own at .url',
    ],
    ['an instance without anything', new Empty(), 'an instance of Empty without properties of its own'],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(1)), 'without properties of its own'],
    ['too deep a value', deep(1_001), 'deeper than 1000 levels'],
  ])('throws for %s, and says where it lies', (_, value, words) => {
    expect(() => codec.encode(value)).toThrow(
      expect.objectContaining({ code: 'WEBSOCK_INFO_ENCODE', message: expect.stringContaining(words) }),
    );
    expect(roundTrip({ a: 1 })).toEqual({ a: 1 });
  });

  it('takes 1,000 levels', () => {
    expect(JSON.stringify(roundTrip(deep(1_000)))).toBe(JSON.stringify(deep(1_000)));
  });

  it('throws what a getter throws, and goes on', () => {
    const value = {
      get bad() {
        throw new Error('no access');
      },
    };
    expect(() => new InfoEncoding(codec, new InfoClasses()).encode(value)).toThrow('no access');
    expect(roundTrip([1])).toEqual([1]);
  });

  it('leaves what it encodes and decodes as it was', () => {
    const value = { list: [new Set([1]), undefined], text: 'a' };
    const before = structuredClone(value);
    roundTrip(value);
    expect(value).toStrictEqual(before);
  });

  it('does not overwrite what it has encoded before', () => {
    const first = codec.encode({ a: 1 });
    for (let i = 0; i < 5_000; i++) codec.encode({ b: i });
    expect(codec.decode(first)).toEqual({ a: 1 });
  });

  it('keeps any value of these types', () => {
    const values = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      // Text travels as UTF-8.
      key: fc.string({ unit: 'binary' }),
      values: [
        fc.string({ unit: 'binary' }),
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.constant(undefined),
      ],
    });
    fc.assert(
      fc.property(values, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('says nothing of the message where it cannot be read', () => {
    const bytes = codec.encode({ text: 'my secret', more: [1, 2] });
    expect(() => codec.decode(bytes.subarray(0, bytes.length - 2))).toThrow(/^the message cannot be read$/);
  });

  it('throws nothing but errors for any bytes, and works on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect(types.isNativeError(error)).toBe(true);
        }
        expect(roundTrip({ a: [1] })).toEqual({ a: [1] });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('classes', () => {
  class Posted {
    constructor(readonly text: string) {}
  }
  class Pinned extends Posted {}
  class Deleted {
    id = 1;
  }
  setInfoName(Deleted, 'posts.deleted');

  function travel(message: unknown, sender = new InfoClasses(), receiver = sender): unknown {
    const info = new InfoEncoding(codec, sender).encode(message);
    const bytes = Buffer.alloc(infoSize(info));
    writeInfo(bytes, 0, info);
    return new InfoEncoding(codec, receiver).read(new ByteReader(bytes));
  }

  function classes(...all: (new (...args: any[]) => object)[]): InfoClasses {
    const known = new InfoClasses();
    for (const one of all) known.add(one);
    return known;
  }

  it('come back as they were, by their names', () => {
    expect(travel(new Posted('a'), classes(Posted))).toStrictEqual(new Posted('a'));
    expect(travel(new Deleted(), classes(Deleted))).toStrictEqual(new Deleted());
  });

  it('that only the receiver has handlers for come back as well', () => {
    expect(travel(new Posted('a'), classes(), classes(Posted))).toStrictEqual(new Posted('a'));
    expect(travel(new Deleted(), classes(), classes(Deleted))).toStrictEqual(new Deleted());
  });

  it('that extend one that is known come back as that', () => {
    expect(travel(new Pinned('a'), classes(Posted))).toStrictEqual(new Posted('a'));
  });

  it('that the receiver does not know become plain objects', () => {
    expect(travel(new Posted('a'), classes(Posted), classes())).toStrictEqual({ text: 'a' });
  });

  it('with the name of another that is known become plain objects', () => {
    const Other = {
      Posted: class Posted {
        text = 'b';
      },
    }.Posted;
    expect(travel(new Other(), classes(Posted))).toStrictEqual({ text: 'b' });
  });

  it('may have no properties, where they are known', () => {
    class Ping {}
    expect(travel(new Ping(), classes(Ping))).toStrictEqual(new Ping());
    expect(() => travel(new Ping(), classes())).toThrow('without properties');
  });

  it('may hold themselves', () => {
    const own = new Posted('a') as Posted & { self?: unknown };
    own.self = { own };
    const back = travel(own, classes(Posted)) as typeof own;
    expect(back).toBeInstanceOf(Posted);
    expect(back.text).toBe('a');
  });

  it("work with a codec of the user's that knows nothing of them", () => {
    const json: InfoCodec = {
      encode: (value) => Buffer.from(JSON.stringify(value)),
      decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
    };
    const known = classes(Posted);
    const info = new InfoEncoding(json, known).encode(new Posted('a'));
    const bytes = Buffer.alloc(infoSize(info));
    writeInfo(bytes, 0, info);
    expect(new InfoEncoding(json, known).read(new ByteReader(bytes))).toStrictEqual(new Posted('a'));
  });

  it.each<[string, InfoCodec['encode']]>([
    [
      'throws',
      () => {
        throw new Error('cannot');
      },
    ],
    ['gives no bytes', () => 'text' as never],
  ])('a codec that %s is an error at the sender', (_, encode) => {
    const encoding = new InfoEncoding({ encode, decode: () => undefined }, new InfoClasses());
    expect(() => encoding.encode(1)).toThrow(expect.objectContaining({ code: 'WEBSOCK_INFO_ENCODE' }));
  });
});
