import { ok, push, text, type WebSock } from '../../src/core.js';
import { encodeFrame, OPCODE, type FrameSpec } from '../support/frames.js';
import { serve, stopHosts } from '../support/host.js';
import { Gate } from '../support/log.js';
import type { RawClient } from '../support/raw-client.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

const open = async (): Promise<RawClient> => (await serve(echo)).open();

const { continuation, text: TEXT, binary: BINARY, close: CLOSE, ping: PING, pong: PONG } = OPCODE;

/** The code with which the server closes on these frames. It also ends the TCP connection, since nothing more can be understood. */
async function closedOn(...frames: FrameSpec[]): Promise<number | undefined> {
  const client = await open();
  client.send(...frames);
  const { code } = await client.nextClose();
  expect(await client.ended()).toBe('fin');
  return code;
}

describe('masking (§5.1, §5.3)', () => {
  it('closes with 1002 on an unmasked frame (§5.1)', async () => {
    expect(await closedOn({ opcode: TEXT, payload: 'a', mask: false })).toBe(1002);
  });

  it('closes with 1002 on an unmasked frame without payload (§5.1)', async () => {
    expect(await closedOn({ opcode: TEXT, mask: false })).toBe(1002);
  });

  it('closes with 1002 on an unmasked close frame (§5.1)', async () => {
    expect(await closedOn({ opcode: CLOSE, payload: Buffer.of(3, 232), mask: false })).toBe(1002);
  });

  it('refuses an unmasked frame before its payload has come (§5.1)', async () => {
    expect(await closedOn({ opcode: TEXT, mask: false, claimedLength: 1_000_000 })).toBe(1002);
  });

  it('does not mask what it sends (§5.1)', async () => {
    const client = await open();
    client.text('a');
    expect((await client.nextFrame()).masked).toBe(false);
  });

  it.each([
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [0, 0, 0, 1],
    [171, 0, 205, 0],
  ])('unmasks with the key %i %i %i %i (§5.3)', async (...key) => {
    const client = await open();
    client.send({ opcode: TEXT, payload: 'unmasked', maskKey: Buffer.from(key) });
    expect(await client.nextText()).toBe('unmasked');
  });

  it('unmasks each frame of a message with its own key (§5.3)', async () => {
    const client = await open();
    client.send(
      { fin: false, opcode: TEXT, payload: 'abc', maskKey: Buffer.of(1, 1, 1, 1) },
      { opcode: continuation, payload: 'def', maskKey: Buffer.of(9, 8, 7, 6) },
    );
    expect(await client.nextText()).toBe('abcdef');
  });
});

describe('reserved bits and opcodes (§5.2)', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('closes with 1002 on reserved bits %i', async (rsv) => {
    expect(await closedOn({ opcode: TEXT, rsv, payload: 'a' })).toBe(1002);
  });

  it.each([PING, PONG, CLOSE])('closes with 1002 on RSV1 in control opcode %i', async (opcode) => {
    expect(await closedOn({ opcode, rsv: 4 })).toBe(1002);
  });

  it('closes with 1002 on RSV1 in a continuation', async () => {
    const frames = [
      { fin: false, opcode: TEXT, payload: 'a' },
      { opcode: continuation, rsv: 4, payload: 'b' },
    ];
    expect(await closedOn(...frames)).toBe(1002);
  });

  it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])(
    'closes with 1002 on the reserved opcode %i',
    async (opcode) => {
      expect(await closedOn({ opcode, payload: 'a' })).toBe(1002);
    },
  );
});

describe('payload length (§5.2)', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])('takes and sends %i bytes', async (length) => {
    const client = await open();
    const payload = Buffer.alloc(length, 'x');
    client.binary(payload);
    const frame = await client.nextFrame();
    expect(frame).toMatchObject({ fin: true, opcode: BINARY });
    expect(frame.payload.equals(payload)).toBe(true);
  });

  it.each([
    [125, 2],
    [126, 4],
    [65_535, 4],
    [65_536, 10],
  ])('is sent in the fewest bytes: %i bytes behind a header of %i', async (length, header) => {
    const client = await open();
    client.binary(Buffer.alloc(length));
    const chunks: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await client.nextFrame();
    expect(Buffer.concat(chunks)).toHaveLength(header + length);
  });

  it.each([2, 8] as const)('is understood in more bytes than it needs: %i', async (lengthBytes) => {
    const client = await open();
    client.send({ opcode: TEXT, payload: 'five!', lengthBytes });
    expect(await client.nextText()).toBe('five!');
  });

  it('closes with 1009 on a length with the most significant bit set', async () => {
    const client = await open();
    client.write(Buffer.from('81ffffffffffffffffff00000000', 'hex'));
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('closes with 1009 on a frame that claims too much, before its payload has come', async () => {
    expect(await closedOn({ opcode: BINARY, claimedLength: 10_000_001 })).toBe(1009);
  });
});

describe('fragmentation (§5.4)', () => {
  it('joins a text message', async () => {
    const client = await open();
    client.send(
      { fin: false, opcode: TEXT, payload: 'a' },
      { fin: false, opcode: continuation, payload: 'b' },
      { opcode: continuation, payload: 'c' },
    );
    expect(await client.nextText()).toBe('abc');
  });

  it('joins a binary message', async () => {
    const client = await open();
    client.send(
      { fin: false, opcode: BINARY, payload: Buffer.of(255) },
      { opcode: continuation, payload: Buffer.of(254) },
    );
    expect(await client.nextFrame()).toMatchObject({ opcode: BINARY, payload: Buffer.of(255, 254) });
  });

  it('joins fragments without payload', async () => {
    const client = await open();
    client.send(
      { fin: false, opcode: TEXT },
      { fin: false, opcode: continuation },
      { fin: false, opcode: continuation, payload: 'only' },
      { opcode: continuation },
    );
    expect(await client.nextText()).toBe('only');
  });

  it('joins a message of no bytes at all', async () => {
    const client = await open();
    client.send({ fin: false, opcode: TEXT }, { opcode: continuation });
    expect(await client.nextText()).toBe('');
  });

  it('joins many fragments', async () => {
    const client = await open();
    const middle = Array.from({ length: 998 }, () => ({ fin: false, opcode: continuation, payload: 'x' }));
    client.send({ fin: false, opcode: TEXT, payload: 'x' }, ...middle, {
      opcode: continuation,
      payload: 'x',
    });
    expect(await client.nextText()).toBe('x'.repeat(1_000));
  });

  it('closes with 1008 on too many fragments', async () => {
    const client = await open();
    const fragment = encodeFrame({ fin: false, opcode: continuation, payload: 'x' });
    client.send({ fin: false, opcode: TEXT, payload: 'x' });
    client.write(Buffer.concat(Array.from({ length: 20_000 }, () => fragment)));
    expect((await client.nextClose()).code).toBe(1008);
  });

  it.each([
    ['ping', PING],
    ['pong', PONG],
  ])('takes a %s between fragments (§5.5)', async (_, opcode) => {
    const client = await open();
    client.send(
      { fin: false, opcode: TEXT, payload: 'a' },
      { opcode, payload: 'now' },
      { opcode: continuation, payload: 'b' },
    );
    if (opcode === PING)
      expect(await client.nextFrame()).toMatchObject({ opcode: PONG, payload: Buffer.from('now') });
    expect(await client.nextText()).toBe('ab');
  });

  it('answers a ping between fragments before the message is whole (§5.5.2)', async () => {
    const client = await open();
    client.send({ fin: false, opcode: TEXT, payload: 'a' }, { opcode: PING, payload: 'now' });
    expect(await client.nextFrame()).toMatchObject({ opcode: PONG });
    client.send({ opcode: continuation, payload: 'b' });
    expect(await client.nextText()).toBe('ab');
  });

  it('takes a close between fragments (§5.5)', async () => {
    const client = await open();
    client.send({ fin: false, opcode: TEXT, payload: 'a' });
    client.close(1000);
    expect((await client.nextClose()).code).toBe(1000);
  });

  it.each([true, false])('closes with 1002 on a continuation of nothing, FIN %s', async (fin) => {
    expect(await closedOn({ fin, opcode: continuation, payload: 'a' })).toBe(1002);
  });

  it('closes with 1002 on a continuation behind a whole message', async () => {
    const client = await open();
    client.send({ opcode: TEXT, payload: 'a' }, { opcode: continuation, payload: 'b' });
    expect(await client.nextText()).toBe('a');
    expect((await client.nextClose()).code).toBe(1002);
  });

  it.each([TEXT, BINARY])('closes with 1002 on a new message, opcode %i, amid fragments', async (opcode) => {
    const frames = [
      { fin: false, opcode: TEXT, payload: 'a' },
      { opcode, payload: 'b' },
    ];
    expect(await closedOn(...frames)).toBe(1002);
  });
});

describe('control frames (§5.5)', () => {
  it.each([PING, PONG, CLOSE])('closes with 1002 on opcode %i with 126 bytes', async (opcode) => {
    const payload = Buffer.concat([Buffer.of(3, 232), Buffer.alloc(124, 'x')]);
    expect(await closedOn({ opcode, payload })).toBe(1002);
  });

  it.each([PING, PONG, CLOSE])('closes with 1002 on opcode %i in fragments', async (opcode) => {
    expect(await closedOn({ fin: false, opcode })).toBe(1002);
  });

  it('closes with 1002 on a ping whose length takes more bytes than it needs', async () => {
    expect(await closedOn({ opcode: PING, payload: 'abc', lengthBytes: 8 })).toBe(1002);
  });
});

describe('pings (§5.5.2)', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['bytes that are no text', Buffer.of(0, 255, 254, 253)],
    ['125 bytes', Buffer.alloc(125, 'p')],
  ])('are answered with their own payload: %s', async (_, payload) => {
    const client = await open();
    client.ping(payload);
    expect(await client.nextFrame()).toMatchObject({ fin: true, opcode: PONG, payload });
  });

  it('are answered each, in their order', async () => {
    const client = await open();
    client.send(...['1', '2', '3', '4', '5'].map((payload) => ({ opcode: PING, payload })));
    for (const payload of ['1', '2', '3', '4', '5'])
      expect(await client.nextFrame()).toMatchObject({ opcode: PONG, payload: Buffer.from(payload) });
  });

  it('are answered among messages, in their order', async () => {
    const client = await open();
    client.send(
      { opcode: TEXT, payload: 'a' },
      { opcode: PING, payload: 'b' },
      { opcode: TEXT, payload: 'c' },
    );
    const frames = [await client.nextFrame(), await client.nextFrame(), await client.nextFrame()];
    expect(frames.map(({ payload }) => payload.toString())).toEqual(['a', 'b', 'c']);
  });

  const gate = new Gate();
  const slow: WebSock = {
    async handleIn(_message, state) {
      await gate.passed;
      return push(text('done'), state);
    },
  };

  it('are answered while a callback runs', async () => {
    const client = await (await serve(slow)).open();
    client.text('a');
    client.ping('still there?');
    expect(await client.nextFrame()).toMatchObject({ opcode: PONG });
    gate.open();
    expect(await client.nextText()).toBe('done');
  });

  const tellsControl: WebSock = {
    handleControl: ([opcode, data], state) => push(text(`${opcode} ${data}`), state),
  };

  it('are answered before handleControl sends', async () => {
    const client = await (await serve(tellsControl)).open();
    client.ping('x');
    expect(await client.nextFrame()).toMatchObject({ opcode: PONG });
    expect(await client.nextText()).toBe('ping x');
  });
});

describe('pongs (§5.5.3)', () => {
  it('that nobody asked for are not answered', async () => {
    const client = await open();
    client.pong('unsolicited');
    client.text('a');
    expect(await client.nextText()).toBe('a');
  });

  const tellsControl: WebSock = {
    handleControl: ([opcode, data], state) => push(text(`${opcode} ${data}`), state),
  };

  it('reach handleControl', async () => {
    const client = await (await serve(tellsControl)).open();
    client.pong('x');
    expect(await client.nextText()).toBe('pong x');
  });
});

describe('data frames (§5.6)', () => {
  const seen: WebSock = {
    handleIn: ([opcode, data], state) =>
      push(text(`${opcode} ${typeof data === 'string' ? 'string' : Buffer.isBuffer(data)}`), state),
  };

  it('arrive as a string or as a Buffer', async () => {
    const client = await (await serve(seen)).open();
    client.text('a');
    client.binary('a');
    expect(await client.nextText()).toBe('text string');
    expect(await client.nextText()).toBe('binary true');
  });

  const mute: WebSock = { handleControl: (_message, state) => ok(state) };

  it('that the handler has no callback for are dropped', async () => {
    const client = await (await serve(mute)).open();
    client.text('a');
    client.ping('b');
    expect(await client.nextFrame()).toMatchObject({ opcode: PONG });
  });
});

describe('the chunks in which bytes arrive', () => {
  const frames = Buffer.concat([
    encodeFrame({ opcode: TEXT, payload: 'one' }),
    encodeFrame({ fin: false, opcode: TEXT, payload: 'tw' }),
    encodeFrame({ opcode: PING, payload: '!' }),
    encodeFrame({ opcode: continuation, payload: 'o' }),
    encodeFrame({ opcode: TEXT, payload: 'x'.repeat(200) }),
  ]);

  async function expectAll(client: RawClient): Promise<void> {
    expect(await client.nextText()).toBe('one');
    expect(await client.nextFrame()).toMatchObject({ opcode: PONG });
    expect(await client.nextText()).toBe('two');
    expect(await client.nextText()).toBe('x'.repeat(200));
  }

  it('make no difference: all in one', async () => {
    const client = await open();
    client.write(frames);
    await expectAll(client);
  });

  it('make no difference: a byte at a time', async () => {
    const client = await open();
    for (const byte of frames) await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve));
    await expectAll(client);
  });

  it('make no difference: one and a half frames', async () => {
    const client = await open();
    const frame = encodeFrame({ opcode: TEXT, payload: 'OK' });
    client.write(Buffer.concat([frame, frame.subarray(0, 3)]));
    expect(await client.nextText()).toBe('OK');
    client.write(frame.subarray(3));
    expect(await client.nextText()).toBe('OK');
  });
});
