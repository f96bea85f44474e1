import { constants, createDeflateRaw, deflateRawSync, inflateRawSync, type DeflateRaw } from 'node:zlib';
import { binary, ping, push, stop, text, type WebSock, type WebSockOptions } from '../../src/core.js';
import { closePayload, OPCODE, type Frame, type FrameSpec } from '../support/frames.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import type { RawClient } from '../support/raw-client.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

/** RSV1: the message is compressed (§6). */
const COMPRESSED = 4;

/** A compressed message's payload (§7.2.1). */
function deflate(payload: string | Buffer): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** What it says (§7.2.2). */
function inflate(payload: Buffer, windowBits = 15): string {
  const whole = Buffer.concat([payload, Buffer.of(0, 0, 255, 255)]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH, windowBits }).toString();
}

const compressed = (payload: string | Buffer, opcode: number = OPCODE.text): FrameSpec => ({
  opcode,
  rsv: COMPRESSED,
  payload: deflate(payload),
});

const openOn = (host: Host, offer = 'permessage-deflate'): Promise<RawClient> =>
  host.open({ headers: { 'Sec-WebSocket-Extensions': offer } });

async function open(options: WebSockOptions = {}, websock = echo): Promise<RawClient> {
  const client = await openOn(await serve(websock, { compress: true, ...options }));
  expect(client.header('Sec-WebSocket-Extensions')).toMatch(/^permessage-deflate/);
  return client;
}

/** The frame's text, inflated where it is compressed. */
function textOf({ rsv, payload }: Frame): string {
  return rsv === COMPRESSED ? inflate(payload) : payload.toString();
}

describe('negotiation (§5, §7.1)', () => {
  const DEFAULT = 'permessage-deflate; server_no_context_takeover';

  it.each<[string, WebSockOptions['deflateOptions'], string | string[], string]>([
    ['server_no_context_takeover without being asked', {}, 'permessage-deflate', DEFAULT],
    ['it once where both want it', {}, DEFAULT, DEFAULT],
    [
      'nothing more for a client that could do more',
      {},
      'permessage-deflate; client_max_window_bits',
      DEFAULT,
    ],
    [
      'the client’s own smaller window',
      {},
      'permessage-deflate; client_max_window_bits=10',
      `${DEFAULT}; client_max_window_bits=10`,
    ],
    [
      'the window that the client asks for',
      {},
      'permessage-deflate; server_max_window_bits=10',
      `${DEFAULT}; server_max_window_bits=10`,
    ],
    [
      'a value in quotes',
      {},
      'permessage-deflate; server_max_window_bits="10"',
      `${DEFAULT}; server_max_window_bits=10`,
    ],
    [
      'client_no_context_takeover',
      {},
      'permessage-deflate; client_no_context_takeover',
      `${DEFAULT}; client_no_context_takeover`,
    ],
    ['the offer among unknown extensions', {}, 'foo, permessage-deflate; x=1, permessage-deflate', DEFAULT],
    ['the first offer that can be met', {}, 'permessage-deflate; nope, permessage-deflate', DEFAULT],
    ['an offer on a line of its own', {}, ['foo', 'permessage-deflate'], DEFAULT],
    [
      'context takeover when told so',
      { serverNoContextTakeover: false },
      'permessage-deflate',
      'permessage-deflate',
    ],
    [
      'the client’s wish for none even then',
      { serverNoContextTakeover: false },
      'permessage-deflate; server_no_context_takeover',
      DEFAULT,
    ],
    [
      'the server’s window',
      { serverMaxWindowBits: 11 },
      'permessage-deflate',
      `${DEFAULT}; server_max_window_bits=11`,
    ],
    [
      'a window for a client that lets us choose',
      { clientMaxWindowBits: 11 },
      'permessage-deflate; client_max_window_bits',
      `${DEFAULT}; client_max_window_bits=11`,
    ],
    [
      'a client without memory',
      { clientNoContextTakeover: true },
      'permessage-deflate',
      `${DEFAULT}; client_no_context_takeover`,
    ],
  ])('agrees on %s', async (_, deflateOptions, offer, answer) => {
    const host = await serve(echo, { compress: true, deflateOptions });
    const client = await host.open({ headers: { 'Sec-WebSocket-Extensions': offer } });
    expect(client.status).toBe(101);
    const parts = (header: string | undefined) => new Set(header?.split(/ *; */));
    expect(parts(client.header('Sec-WebSocket-Extensions'))).toEqual(parts(answer));
    client.send(compressed('hello hello hello'));
    expect(textOf(await client.nextFrame())).toBe('hello hello hello');
  });

  it.each<[string, WebSockOptions['deflateOptions'], string]>([
    ['an unknown parameter', {}, 'permessage-deflate; nope'],
    ['a parameter twice', {}, 'permessage-deflate; client_max_window_bits; client_max_window_bits'],
    ['a value where none belongs', {}, 'permessage-deflate; server_no_context_takeover=1'],
    ['no value where one belongs', {}, 'permessage-deflate; server_max_window_bits'],
    ['a window too small', {}, 'permessage-deflate; server_max_window_bits=7'],
    ['a window too large', {}, 'permessage-deflate; client_max_window_bits=16'],
    ['a window with a leading zero', {}, 'permessage-deflate; client_max_window_bits=010'],
    ['a window that is no number', {}, 'permessage-deflate; client_max_window_bits=x'],
    ['a window of 8, which zlib cannot keep to', {}, 'permessage-deflate; server_max_window_bits=8'],
    ['a client that cannot limit its window', { clientMaxWindowBits: 11 }, 'permessage-deflate'],
    [
      'a smaller window than ours has to be',
      { serverMaxWindowBits: 11 },
      'permessage-deflate; server_max_window_bits=10',
    ],
    ['another extension', {}, 'x-webkit-deflate-frame'],
  ])('does without for %s', async (_, deflateOptions, offer) => {
    const client = await openOn(await serve(echo, { compress: true, deflateOptions }), offer);
    expect(client.status).toBe(101);
    expect(client.header('Sec-WebSocket-Extensions')).toBeUndefined();
    client.text('plain');
    expect(await client.nextFrame()).toMatchObject({ rsv: 0, payload: Buffer.from('plain') });
  });

  it('does without unless compress is on', async () => {
    const client = await openOn(await serve(echo));
    expect(client.header('Sec-WebSocket-Extensions')).toBeUndefined();
    client.send(compressed('a'));
    expect((await client.nextClose()).code).toBe(1002);
  });

  it('does without for a client that does not offer it', async () => {
    const client = await (await serve(echo, { compress: true })).open();
    expect(client.header('Sec-WebSocket-Extensions')).toBeUndefined();
    client.text('x'.repeat(5_000));
    expect((await client.nextFrame()).rsv).toBe(0);
  });
});

describe('receiving (§7.2.2)', () => {
  it.each([
    ['one block (§7.2.3.1)', 'f248cdc9c90700'],
    ['no compression (§7.2.3.3)', '000500faff48656c6c6f00'],
    ['a final block (§7.2.3.4)', 'f348cdc9c9070000'],
    ['two blocks (§7.2.3.5)', 'f248050000 00ffffcac9c90700'.replace(' ', '')],
  ])('inflates the RFC’s Hello: %s', async (_, hex) => {
    const client = await open();
    client.send({ opcode: OPCODE.text, rsv: COMPRESSED, payload: Buffer.from(hex, 'hex') });
    expect(await client.nextText()).toBe('Hello');
  });

  it('inflates with the window of the message before (§7.2.3.2)', async () => {
    const client = await open();
    for (const hex of ['f248cdc9c90700', 'f200110000']) {
      client.send({ opcode: OPCODE.text, rsv: COMPRESSED, payload: Buffer.from(hex, 'hex') });
      expect(await client.nextText()).toBe('Hello');
    }
  });

  it('inflates without it where client_no_context_takeover is agreed (§7.1.1.2)', async () => {
    const client = await openOn(
      await serve(echo, { compress: true }),
      'permessage-deflate; client_no_context_takeover',
    );
    for (let i = 0; i < 3; i++) {
      client.send(compressed('Hello'));
      expect(await client.nextText()).toBe('Hello');
    }
    client.send({ opcode: OPCODE.text, rsv: COMPRESSED, payload: Buffer.from('f200110000', 'hex') });
    expect((await client.nextClose()).code).toBe(1007);
  });

  it('inflates a binary message', async () => {
    const client = await open();
    const payload = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    client.send(compressed(payload, OPCODE.binary));
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.binary, payload });
  });

  it('inflates a message of no bytes (§7.2.3.6)', async () => {
    const client = await open();
    client.send({ opcode: OPCODE.text, rsv: COMPRESSED, payload: Buffer.of(0) });
    expect(await client.nextText()).toBe('');
  });

  it('inflates fragments, RSV1 on the first alone (§6.1)', async () => {
    const client = await open();
    const payload = deflate('a message in three fragments');
    client.send(
      { fin: false, opcode: OPCODE.text, rsv: COMPRESSED, payload: payload.subarray(0, 5) },
      { opcode: OPCODE.ping, payload: 'between' },
      { fin: false, opcode: OPCODE.continuation, payload: payload.subarray(5, 6) },
      { opcode: OPCODE.continuation, payload: payload.subarray(6) },
    );
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong });
    expect(await client.nextText()).toBe('a message in three fragments');
  });

  it('takes messages that are not compressed among those that are (§6)', async () => {
    const client = await open();
    client.send(compressed('one'), { opcode: OPCODE.text, payload: 'two' }, compressed('three'));
    for (const expected of ['one', 'two', 'three']) expect(await client.nextText()).toBe(expected);
  });

  it('keeps the order of messages, pings and the close', async () => {
    const client = await open();
    client.send(
      compressed('one'),
      { opcode: OPCODE.ping, payload: 'two' },
      { opcode: OPCODE.text, payload: 'three' },
      compressed('four'),
      { opcode: OPCODE.close, payload: closePayload(4000, 'five') },
    );
    for (const expected of ['one', 'two', 'three', 'four'])
      expect((await client.nextFrame()).payload.toString()).toBe(expected);
    expect(await client.nextClose()).toEqual({ code: 4000, reason: 'five' });
  });

  it('closes with 1002 on RSV1 in a continuation (§6.1)', async () => {
    const client = await open();
    client.send(
      { fin: false, opcode: OPCODE.text, rsv: COMPRESSED, payload: deflate('a') },
      { opcode: OPCODE.continuation, rsv: COMPRESSED, payload: deflate('b') },
    );
    expect((await client.nextClose()).code).toBe(1002);
  });

  it.each([OPCODE.ping, OPCODE.pong, OPCODE.close])(
    'closes with 1002 on RSV1 in a control frame: %i (§6.1)',
    async (opcode) => {
      const client = await open();
      client.send({ opcode, rsv: COMPRESSED });
      expect((await client.nextClose()).code).toBe(1002);
    },
  );

  it.each([1, 2, 3, 5, 6, 7])('closes with 1002 on other reserved bits: %i', async (rsv) => {
    const client = await open();
    client.send({ ...compressed('a'), rsv });
    expect((await client.nextClose()).code).toBe(1002);
  });

  it.each([
    ['a bad block type', '07'],
    ['noise', 'deadbeefdeadbeef'],
    ['a distance too far back', 'f200110000'],
  ])('closes with 1007 on %s', async (_, hex) => {
    const client = await open();
    client.send({ opcode: OPCODE.binary, rsv: COMPRESSED, payload: Buffer.from(hex, 'hex') });
    expect((await client.nextClose()).code).toBe(1007);
    expect(await client.ended()).toBe('fin');
  });

  it('closes with 1007 on text that inflates to no UTF-8 (RFC 6455 §8.1)', async () => {
    const client = await open();
    client.send(compressed(Buffer.of(0x61, 0xff)));
    expect((await client.nextClose()).code).toBe(1007);
  });

  it('closes with 1009 on a bomb, long before it has burst', async () => {
    const client = await open({ maxMessageSize: 1_000_000 });
    const bomb = compressed(Buffer.alloc(200_000_000), OPCODE.binary);
    const before = process.memoryUsage().arrayBuffers;
    client.send(bomb);
    expect((await client.nextClose()).code).toBe(1009);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  it('takes a message that inflates to maxMessageSize, and closes with 1009 on one byte more', async () => {
    const client = await open({ maxMessageSize: 10_000 });
    client.send(compressed('x'.repeat(10_000)));
    expect(textOf(await client.nextFrame())).toHaveLength(10_000);
    client.send(compressed('x'.repeat(10_001)));
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('counts what all fragments inflate to', async () => {
    const client = await open({ maxMessageSize: 10_000 });
    const payload = deflate('x'.repeat(10_001));
    client.send(
      { fin: false, opcode: OPCODE.text, rsv: COMPRESSED, payload: payload.subarray(0, 10) },
      { opcode: OPCODE.continuation, payload: payload.subarray(10) },
    );
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('handles what came before a corrupt message first', async () => {
    const client = await open();
    client.send(compressed('good'), { opcode: OPCODE.text, rsv: COMPRESSED, payload: Buffer.of(7) });
    expect(await client.nextText()).toBe('good');
    expect((await client.nextClose()).code).toBe(1007);
  });
});

describe('sending (§7.2.1)', () => {
  const long = 'a long message '.repeat(100);
  const says = (...messages: string[]): WebSock => ({ init: () => push(messages.map(text), null) });

  it('compresses from 1 024 bytes on', async () => {
    const client = await open({}, says('x'.repeat(1_023), 'x'.repeat(1_024)));
    const [short, full] = [await client.nextFrame(), await client.nextFrame()];
    expect(short).toMatchObject({ rsv: 0, opcode: OPCODE.text });
    expect(full).toMatchObject({ rsv: COMPRESSED, opcode: OPCODE.text, fin: true });
    expect(inflate(full.payload)).toBe('x'.repeat(1_024));
    expect(full.payload.length).toBeLessThan(100);
  });

  it('compresses from the threshold on, where there is one', async () => {
    const client = await open({ deflateOptions: { threshold: 3 } }, says('ab', 'abc'));
    expect((await client.nextFrame()).rsv).toBe(0);
    expect((await client.nextFrame()).rsv).toBe(COMPRESSED);
  });

  it('compresses a message of no bytes to one (§7.2.3.6)', async () => {
    const client = await open({ deflateOptions: { threshold: 0 } }, says(''));
    const frame = await client.nextFrame();
    expect(frame.rsv).toBe(COMPRESSED);
    expect(inflate(frame.payload)).toBe('');
  });

  it('forgets each message: every frame inflates alone', async () => {
    const client = await open({}, says(long, long, long));
    for (let i = 0; i < 3; i++) expect(inflate((await client.nextFrame()).payload)).toBe(long);
  });

  it('remembers with serverNoContextTakeover: false', async () => {
    const client = await open({ deflateOptions: { serverNoContextTakeover: false } }, says(long, long));
    const [first, second] = [await client.nextFrame(), await client.nextFrame()];
    expect(second.payload.length).toBeLessThan(first.payload.length / 2);
    const both = Buffer.concat([first.payload, Buffer.of(0, 0, 255, 255), second.payload]);
    expect(inflate(both)).toBe(long + long);
  });

  it('keeps to the client’s window', async () => {
    const far = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(8, '0')).join('');
    const host = await serve(says(far + far), { compress: true });
    const client = await openOn(host, 'permessage-deflate; server_max_window_bits=9');
    expect(inflate((await client.nextFrame()).payload, 9)).toBe(far + far);
  });

  const mixed: WebSock = {
    handleIn: (_message, state) =>
      stop('normal', [4000, 'done'], [text(long), ping('p'), text('short'), binary(long), ping('q')], state),
  };

  it('keeps the order of compressed and plain messages, pings and the close', async () => {
    const client = await open({}, mixed);
    client.text('go');
    const frames: Frame[] = [];
    for (let i = 0; i < 5; i++) frames.push(await client.nextFrame());
    expect(frames.map(({ opcode, rsv }) => [opcode, rsv])).toEqual([
      [OPCODE.text, COMPRESSED],
      [OPCODE.ping, 0],
      [OPCODE.text, 0],
      [OPCODE.binary, COMPRESSED],
      [OPCODE.ping, 0],
    ]);
    expect(textOf(frames[3]!)).toBe(long);
    expect(await client.nextClose()).toEqual({ code: 4000, reason: 'done' });
  });

  it('never compresses a pong (§6.1)', async () => {
    const client = await open({ deflateOptions: { threshold: 0 } });
    client.ping('x'.repeat(125));
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong, rsv: 0 });
  });

  it('answers a ping behind the message that is being compressed', async () => {
    const client = await open();
    client.send({ opcode: OPCODE.text, payload: long.repeat(50) }, { opcode: OPCODE.ping });
    expect((await client.nextFrame()).opcode).toBe(OPCODE.text);
    expect((await client.nextFrame()).opcode).toBe(OPCODE.pong);
  });
});

describe('a conversation', () => {
  /** A client's compressor that remembers (§7.1.1). */
  function remembering(stream: DeflateRaw = createDeflateRaw()): (payload: string) => Promise<FrameSpec> {
    return (payload) =>
      new Promise((resolve) => {
        const chunks: Buffer[] = [];
        const collect = (chunk: Buffer) => chunks.push(chunk);
        stream.on('data', collect).write(payload);
        stream.flush(constants.Z_SYNC_FLUSH, () => {
          stream.off('data', collect);
          const whole = Buffer.concat(chunks).subarray(0, -4);
          resolve({ opcode: OPCODE.text, rsv: COMPRESSED, payload: whole });
        });
      });
  }

  it('of a thousand messages keeps every one, whatever its size', async () => {
    const client = await open();
    const encode = remembering();
    const sizes = Array.from({ length: 1_000 }, (_, i) => (i * 7_919) % 3_000);
    const message = (i: number) => `${i} `.repeat(sizes[i]! / 4);
    for (let i = 0; i < sizes.length; i++) client.send(await encode(message(i)));
    for (let i = 0; i < sizes.length; i++) expect(textOf(await client.nextFrame())).toBe(message(i));
  });
});
