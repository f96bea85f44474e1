import { describe, expect, it } from '@jest/globals';
import type { Codec } from '../websock/codec.js';
import { binary, json, text } from '../websock/message.js';
import { push } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import { equals } from './equals.js';
import { openHandler } from './open-handler.js';

const echo: WebSock<unknown> = { handleIn: (message, state) => push(message, state) };

const inBinary: Codec = {
  decode: ([, data]) => JSON.parse(data.toString()) as unknown,
  encode: (value) => ['binary', Buffer.from(JSON.stringify(value))],
};

describe.each<[string, Codec | undefined]>([
  ['the default codec', undefined],
  ['a codec of binary messages', inBinary],
])('json() with %s', (_, codec) => {
  const open = () => openHandler(echo, { options: { codec } });

  it('is sent by the codec of the connection, and expected as a value', async () => {
    const room = await open();
    room.send(json({ a: 1, b: [{ c: null }] }));
    await room.expectPush(json({ b: [{ c: null }], a: 1 }));
  });

  it('takes matchers for parts of the value', async () => {
    const room = await open();
    room.send(json({ id: '7f', at: 12, list: ['a', 'b'] }));
    await room.expectPush(json({ id: expect.any(String), at: 12, list: ['a', expect.stringMatching(/b/)] }));
  });

  it('shows both values when they differ', async () => {
    const room = await open();
    room.send(json({ a: [{ id: '7f', n: 1 }] }));
    await expect(room.expectPush(json({ a: [{ id: expect.any(String), n: 2 }] }))).rejects.toThrow(
      "expected json({ a: [ { id: Any<String>, n: 2 } ] }), but json({ a: [ { id: '7f', n: 1 } ] }) came",
    );
    room.send(json({ a: 1 }));
    await expect(room.expectPush(json({ a: 2 }))).rejects.toThrow(
      'expected json({ a: 2 }), but json({ a: 1 }) came',
    );
  });
});

describe('json() as what is expected', () => {
  it('is no message that the codec cannot decode', async () => {
    const room = await openHandler(echo);
    room.send(text('hi'));
    await expect(room.expectPush(json('hi'))).rejects.toThrow(`expected json('hi'), but text("hi") came`);
    room.send(binary(Buffer.of(1)));
    await expect(room.expectPush(json(1))).rejects.toThrow('expected json(1), but binary(<01>) came');
  });
});

describe('equals', () => {
  it.each<[unknown, unknown, boolean]>([
    [1, 1, true],
    [1, '1', false],
    [null, {}, false],
    [{}, null, false],
    [[], {}, false],
    [[1], [1, 2], false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [new Date(7), new Date(7), true],
    [new Date(7), new Date(8), false],
    [Uint8Array.of(1), Buffer.of(1), true],
    [Buffer.of(1), Buffer.of(2), false],
    [{ at: new Date(7), n: 7n }, { at: new Date(7), n: 7n }, true],
    [expect.anything(), undefined, false],
  ])('compares %p with %p: %p', (expected, actual, outcome) => {
    expect(equals(expected, actual)).toBe(outcome);
  });
});
