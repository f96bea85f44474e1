import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InfoClasses } from '../clause/info-class.js';
import { ByteReader, varintSize, writeVarint } from './bytes.js';
import type { InfoCodec } from './info-codec.js';
import { InfoEncoding } from './info-encoding.js';
import { infoSize, Packets, readNodePacket, readTopicPacket, type EncodedInfo } from './packet.js';

/** Bytes as they are. */
const raw: InfoCodec = {
  encode: (value) => value as Uint8Array,
  decode: (bytes) => Buffer.from(bytes),
};

const names = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
const numbers = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const infos = fc.array(
  fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    className: fc.option(names, { nil: undefined }),
    except: fc.option(names, { nil: undefined }),
  }),
  { maxLength: 20 },
);

function pack(node: string, base: number, first: number, all: readonly EncodedInfo[]): Buffer {
  const size = all.reduce((sum, info) => sum + infoSize(info), 0);
  return new Packets(node).topicPacket(base, first, all, size);
}

describe('a varint', () => {
  it('comes back, in as many bytes as it said', () => {
    fc.assert(
      fc.property(numbers, (value) => {
        const bytes = new Uint8Array(varintSize(value));
        expect(writeVarint(bytes, 0, value)).toBe(bytes.length);
        expect(new ByteReader(bytes).varint()).toBe(value);
      }),
    );
  });

  it.each([0, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER])(
    '%d',
    (value) => {
      const bytes = new Uint8Array(varintSize(value));
      expect(writeVarint(bytes, 0, value)).toBe(bytes.length);
      expect(new ByteReader(bytes).varint()).toBe(value);
    },
  );
});

describe('a packet of a topic', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(numbers, numbers, infos, (one, other, all) => {
        const [base, first] = [Math.min(one, other), Math.max(one, other)];
        const packet = pack('node-1', base, first, all);
        const read = readTopicPacket(packet);
        expect(read).toMatchObject({ node: 'node-1', base, first, count: all.length });
        const encoding = new InfoEncoding(raw, new InfoClasses());
        for (const { bytes, except } of all) {
          expect(encoding.read(read.infos)).toEqual(Buffer.from(bytes));
          expect(encoding.except).toBe(except);
        }
        expect(read.infos.isAtEnd).toBe(true);
      }),
    );
  });

  it('knows its own', () => {
    const packet = pack('node-1', 0, 0, []);
    expect(new Packets('node-1').isOwn(packet)).toBe(true);
    for (const other of ['node-2', 'node', 'node-12', 'x'])
      expect(new Packets(other).isOwn(packet)).toBe(false);
    expect(new Packets('node-1').isOwn(Buffer.alloc(0))).toBe(false);
  });
});

describe('a packet for nodes', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.nat({ max: 255 }), fc.uint8Array(), (part, body) => {
        const packet = new Packets('node-1').nodePacket(part, body);
        expect(readNodePacket(packet)).toEqual({ node: 'node-1', part, body: Buffer.from(body) });
      }),
    );
  });
});

describe('any other bytes', () => {
  const valid = pack('node-1', 3, 300, [{ bytes: Buffer.from('abc'), className: 'A', except: 'n.1' }]);

  /** Reads all of a packet. */
  function readAll(packet: Uint8Array): void {
    const { count, infos: reader } = readTopicPacket(packet);
    const encoding = new InfoEncoding(raw, new InfoClasses());
    for (let i = 0; i < count; i++) encoding.read(reader);
  }

  it.each([
    ['random', fc.uint8Array({ maxLength: 200 })],
    [
      'with a right beginning',
      fc.uint8Array({ maxLength: 50 }).map((tail) => Buffer.concat([Buffer.of(0x57, 1, 1, 65), tail])),
    ],
    [
      'with a byte changed',
      fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
        const bytes = Buffer.from(valid);
        bytes[at] = byte;
        return bytes;
      }),
    ],
    ['cut off', fc.nat({ max: valid.length - 1 }).map((length) => valid.subarray(0, length))],
  ])('give a RangeError or a SyntaxError, or are a packet: %s', (_, all) => {
    fc.assert(
      fc.property(all, (bytes) => {
        for (const read of [readAll, readNodePacket]) {
          try {
            read(bytes);
          } catch (error) {
            expect(['RangeError', 'SyntaxError']).toContain((error as Error).name);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([150, 1_000])('with a number of %d zeros give an error, and come to an end', (zeros) => {
    const endless = Buffer.concat([Buffer.alloc(zeros, 0x80), Buffer.of(0)]);
    for (const parts of [
      [0x57, 1, 1, 65, ...endless],
      [0x57, 1, 1, 65, 0, 0, 1, ...endless, 1, 1],
      // The length of a class's name.
      [0x57, 1, 1, 65, 0, 0, 1, 5, ...endless, 1, 1],
    ]) {
      expect(() => readAll(Buffer.from(parts))).toThrow(RangeError);
    }
  });

  it('mean nothing behind a number that is too large', () => {
    const reader = new ByteReader(Buffer.concat([Buffer.alloc(9, 0xff), Buffer.from('a message?')]));
    expect(() => reader.varint()).toThrow('too large');
    expect(reader.isBroken).toBe(true);
  });

  it.each(['', 'a b', 'a\nb', 'a.b', 'x'.repeat(65)])('are no packet of a node called %j', (node) => {
    const packets = new Packets(node);
    expect(() => readTopicPacket(packets.topicPacket(0, 0, [], 0))).toThrow(SyntaxError);
    expect(() => readNodePacket(packets.nodePacket(0, Buffer.of(0)))).toThrow(SyntaxError);
  });

  it('cost no more than they are long, whatever they say', () => {
    const liar = Buffer.concat([Buffer.of(0x57, 1, 1, 65, 0, 0, 0xff, 0xff, 0xff, 0x7f), Buffer.alloc(20)]);
    expect(() => readTopicPacket(liar)).toThrow(SyntaxError);
  });
});
