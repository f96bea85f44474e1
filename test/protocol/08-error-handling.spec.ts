import { push, type WebSock, type WebSockOptions } from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { serve, stopHosts } from '../support/host.js';
import { Gate } from '../support/log.js';
import type { RawClient } from '../support/raw-client.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

const open = async (options?: WebSockOptions): Promise<RawClient> => (await serve(echo, options)).open();

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('text (§8.1)', () => {
  it.each([
    ['one byte', '7f'],
    ['two bytes', 'c280dfbf'],
    ['three bytes', 'e0a080efbfbf'],
    ['four bytes', 'f0908080'],
    ['the last code point', 'f48fbfbf'],
    ['both sides of the surrogates', 'ed9fbfee8080'],
    ['non-characters', 'efbfbeefbfbff09fbfbe'],
    ['NUL', '00'],
    ['a byte order mark, kept', 'efbbbf61'],
  ])('is UTF-8: %s', async (_, hex) => {
    const client = await open();
    client.text(bytes(hex));
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.text, payload: bytes(hex) });
  });

  it.each([
    ['a continuation byte alone', '80'],
    ['FE', 'fe'],
    ['FF', 'ff'],
    ['an overlong NUL', 'c080'],
    ['an overlong slash', 'c0af'],
    ['an overlong slash of three bytes', 'e080af'],
    ['an overlong slash of four bytes', 'f08080af'],
    ['a high surrogate', 'eda080'],
    ['a low surrogate', 'edbfbf'],
    ['a pair of surrogates', 'eda080edb080'],
    ['past the last code point', 'f4908080'],
    ['five bytes', 'f888808080'],
    ['a sequence cut short', 'e282'],
    ['a sequence broken off', 'e28228'],
    ['good text before the fault', '68656c6c6fff'],
  ])('that is no UTF-8 closes with 1007: %s', async (_, hex) => {
    const client = await open();
    client.text(bytes(hex));
    expect((await client.nextClose()).code).toBe(1007);
    expect(await client.ended()).toBe('fin');
  });

  it('may be cut within a character, over fragments', async () => {
    const client = await open();
    const [a, b, c, d] = bytes('f09f8e88');
    client.send({ fin: false, opcode: OPCODE.text, payload: Buffer.of(a!) });
    for (const byte of [b!, c!])
      client.send({ fin: false, opcode: OPCODE.continuation, payload: Buffer.of(byte) });
    client.send({ opcode: OPCODE.continuation, payload: Buffer.of(d!) });
    expect(await client.nextText()).toBe('🎈');
  });

  it('closes with 1007 on a fault over fragments', async () => {
    const client = await open();
    client.send({ fin: false, opcode: OPCODE.text, payload: bytes('e2') });
    client.send({ opcode: OPCODE.continuation, payload: bytes('8228') });
    expect((await client.nextClose()).code).toBe(1007);
  });

  it('closes with 1007 on a message that ends within a character', async () => {
    const client = await open();
    client.send({ fin: false, opcode: OPCODE.text, payload: bytes('61e2') });
    client.send({ opcode: OPCODE.continuation, payload: bytes('82') });
    expect((await client.nextClose()).code).toBe(1007);
  });

  it('is not asked of binary messages', async () => {
    const client = await open();
    client.binary(bytes('fffe00'));
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.binary, payload: bytes('fffe00') });
  });
});

describe('validateUtf8: false', () => {
  it('lets text through as it comes, faults replaced', async () => {
    const client = await open({ validateUtf8: false });
    client.text(bytes('61ff62'));
    expect(await client.nextText()).toBe('a\ufffdb');
  });

  it('lets a close reason through', async () => {
    const client = await open({ validateUtf8: false });
    client.close(1000, bytes('e28228'));
    expect((await client.nextClose()).code).toBe(1000);
  });
});

describe('a violation (§7.1.7)', () => {
  const unmasked = encodeFrame({ opcode: OPCODE.text, payload: 'bad', mask: false });
  const good = (payload: string) => encodeFrame({ opcode: OPCODE.text, payload });

  it('comes after what arrived before it, which is handled and answered; nothing after it is', async () => {
    const client = await open();
    client.write(Buffer.concat([good('a'), good('b'), unmasked, good('c')]));
    expect(await client.nextText()).toBe('a');
    expect(await client.nextText()).toBe('b');
    expect((await client.nextClose()).code).toBe(1002);
    client.write(good('d'));
    expect(await client.ended()).toBe('fin');
    expect(client.frames).toHaveLength(3);
  });

  const gate = new Gate();
  const slow: WebSock = {
    async handleIn(message, state) {
      await gate.passed;
      return push(message, state);
    },
  };

  it('waits for a callback that runs, and for the messages behind it', async () => {
    const client = await (await serve(slow)).open();
    client.write(Buffer.concat([good('a'), good('b'), encodeFrame({ opcode: OPCODE.ping }), unmasked]));
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong });
    gate.open();
    expect(await client.nextText()).toBe('a');
    expect(await client.nextText()).toBe('b');
    expect((await client.nextClose()).code).toBe(1002);
  });

  it('reaches terminate as an error with its code and cause', async () => {
    const host = await serve(echo);
    (await host.open()).write(unmasked);
    const { reason, facts } = await host.ended.next();
    expect(reason).toEqual(['error', expect.objectContaining({ code: 'WEBSOCK_PROTOCOL', closeCode: 1002 })]);
    expect((reason as [string, Error])[1].message).toMatch(/mask/i);
    expect((reason as [string, Error])[1].cause).toBeInstanceOf(Error);
    expect(facts).toEqual({ code: 1002, reason: '', initiator: 'server' });
  });

  it('ends that connection and no other', async () => {
    const host = await serve(echo);
    const [bad, other] = [await host.open(), await host.open()];
    bad.write(unmasked);
    await bad.ended();
    other.text('still here');
    expect(await other.nextText()).toBe('still here');
  });
});
