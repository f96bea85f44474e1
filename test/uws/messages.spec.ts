import {
  binary,
  ok,
  ping,
  pong,
  push,
  stop,
  text,
  type CloseReason,
  type Connection,
  type DataMessage,
  type WebSock,
} from '../../src/core.js';
import { telemetry } from '../../src/telemetry/events.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { Gate, Log } from '../support/log.js';
import { SlowReader } from '../support/slow-reader.js';
import { UwsHost } from '../support/uws-host.js';

const MiB = 1_048_576;
const KiB = 1_024;

let host: UwsHost;
let reasons: Log<CloseReason>;
let gate: Gate;

beforeEach(() => {
  reasons = new Log();
  gate = new Gate();
});
afterEach(async () => {
  gate.open();
  await host.stop();
});

const terminate = (reason: CloseReason) => reasons.add(reason);

describe('messages on uWebSockets.js', () => {
  const echo: WebSock = { handleIn: (message, state) => push(message, state) };

  it('come back as they were: text, binary, empty, large, in fragments', async () => {
    host = await UwsHost.start(echo);
    const client = await host.open('/');
    const large = Buffer.alloc(300 * KiB, 'é');
    client.text('Zoë');
    client.binary(Buffer.from([0, 255]));
    client.text('');
    client.binary(large);
    client.send(
      { opcode: OPCODE.text, payload: 'one ', fin: false },
      { opcode: OPCODE.ping, payload: 'between' },
      { opcode: OPCODE.continuation, payload: 'message' },
    );
    expect(await client.nextText()).toBe('Zoë');
    expect((await client.nextFrame()).payload).toEqual(Buffer.from([0, 255]));
    expect(await client.nextText()).toBe('');
    expect((await client.nextFrame()).payload.equals(large)).toBe(true);
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong, payload: Buffer.from('between') });
    expect(await client.nextText()).toBe('one message');
    expect(client.frames).toHaveLength(6);
  });

  it("are the handler's to keep", async () => {
    const kept: DataMessage[] = [];
    host = await UwsHost.start({
      handleIn(message: DataMessage, state: unknown) {
        kept.push(message);
        return kept.length < 500 ? ok(state) : push(text('all'), state);
      },
    });
    const client = await host.open('/');
    const payloads = Array.from({ length: 500 }, (_, i) => Buffer.alloc(10 + (i % 7) * 900, i));
    client.send(...payloads.map((payload) => ({ opcode: OPCODE.binary, payload })));
    expect(await client.nextText()).toBe('all');
    expect(payloads.every((payload, i) => payload.equals(kept[i]![1] as Buffer))).toBe(true);
  });

  it('keep their order, pings among them, whichever turn of the event loop they are sent in', async () => {
    const turns = [() => Promise.resolve(), () => new Promise((done) => setImmediate(done))];
    host = await UwsHost.start({
      async handleIn([, n]: DataMessage, state: unknown) {
        await turns[Number(n) % 2]!();
        return push([text(`${n as string}a`), ping(n as string), text(`${n as string}b`)], state);
      },
    });
    const client = await host.open('/');
    const numbers = Array.from({ length: 50 }, (_, i) => String(i));
    client.send(...numbers.map((payload) => ({ opcode: OPCODE.text, payload })));
    for (const n of numbers) {
      expect(await client.nextText()).toBe(`${n}a`);
      expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.ping, payload: Buffer.from(n) });
      expect(await client.nextText()).toBe(`${n}b`);
    }
  });

  it('have no pong among them but the answer to a ping', async () => {
    host = await UwsHost.start({
      handleIn: (_message: DataMessage, state: unknown) => push([pong('unasked'), text('after')], state),
      handleControl: ([opcode, data], state) => push(text(`${opcode} ${data.toString()}`), state),
    });
    const client = await host.open('/');
    client.text('');
    client.ping('you?');
    expect(await client.nextText()).toBe('after');
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong, payload: Buffer.from('you?') });
    expect(await client.nextText()).toBe('ping you?');
  });

  it('are compressed, but not for a client that asks for a smaller window, to which uWS would not keep', async () => {
    host = await UwsHost.start(echo, { compress: true });
    const extensionsFor = async (offers: string) => {
      const client = await host.open('/', { headers: { 'Sec-WebSocket-Extensions': offers } });
      client.text('x'.repeat(2 * KiB));
      return [client.header('sec-websocket-extensions'), (await client.nextFrame()).rsv];
    };
    const accepted = expect.stringMatching(/^permessage-deflate;.*server_no_context_takeover/) as unknown;
    expect(await extensionsFor('permessage-deflate; server_max_window_bits=10')).toEqual([undefined, 0]);
    expect(await extensionsFor('permessage-deflate; server_max_window_bits=10, permessage-deflate')).toEqual([
      accepted,
      4,
    ]);
  });

  it('end with 1009 above what the handler takes, and without a frame above what uWS takes', async () => {
    const options = { maxMessageSize: KiB };
    host = await UwsHost.start({ ...echo, terminate }, options, { maxMessageSize: 2 * KiB });
    const client = await host.open('/');
    client.binary(Buffer.alloc(KiB));
    expect((await client.nextFrame()).payload).toHaveLength(KiB);
    client.binary(Buffer.alloc(KiB + 1));
    expect(await client.nextClose()).toEqual({ code: 1009, reason: '' });
    const other = await host.open('/');
    other.binary(Buffer.alloc(2 * KiB + 1));
    expect(await other.ended()).not.toBe('open');
    expect(other.frames).toEqual([]);
    for (let i = 0; i < 2; i++)
      expect(await reasons.next()).toMatchObject(['error', { code: 'WEBSOCK_PROTOCOL', closeCode: 1009 }]);
  });
});

describe('a client of uWebSockets.js that does not read', () => {
  const BLOCK = 256 * KiB;
  const BLOCKS = 160;

  /** Pushes a block for each request; the first byte is its number. */
  function generous(held: number[]): WebSock {
    return {
      handleIn([, n]: DataMessage, state: unknown, connection: Connection) {
        held.push(connection.bufferedAmount);
        return push(binary(Buffer.alloc(BLOCK, Number(n))), state);
      },
      terminate,
    };
  }

  const requests = Buffer.concat(
    Array.from({ length: BLOCKS }, (_, i) => encodeFrame({ opcode: OPCODE.text, payload: String(i) })),
  );

  /** Slower than the server, and keeps the number that each block has. */
  async function readBlocks(reader: SlowReader, client: number[]): Promise<void> {
    // Of frames of one size, the byte in the middle.
    const size = 10 + BLOCK;
    let offset = 0;
    let next = size / 2;
    reader.socket.on('data', (chunk: Buffer) => {
      for (; next < offset + chunk.length; next += size) client.push(chunk[next - offset]!);
      offset += chunk.length;
    });
    while (offset < BLOCKS * size && !reader.ended) await reader.read(Math.min(MiB, BLOCKS * size - offset));
  }

  it.each([
    ['1 MiB', MiB],
    ['no limit, past the one of uWS', Infinity],
  ])('gets everything once it reads, with maxBufferedAmount %s', async (_name, maxBufferedAmount) => {
    const held: number[] = [];
    const got: number[] = [];
    host = await UwsHost.start(generous(held), { maxBufferedAmount });
    const reader = await SlowReader.open(host.number, Buffer.alloc(0));
    // Not before the 101: see docs/uws.md.
    await reader.read(1);
    reader.socket.write(requests);
    const isHeld = () => held.length === BLOCKS || Math.max(0, ...held) > MiB - BLOCK;
    while (!isHeld()) await new Promise((done) => setImmediate(done));
    if (maxBufferedAmount === MiB) expect(held.length).toBeLessThan(BLOCKS);
    await readBlocks(reader, got);
    expect(got).toEqual(Array.from({ length: BLOCKS }, (_, i) => i));
    if (maxBufferedAmount === MiB) expect(Math.max(...held)).toBeLessThanOrEqual(MiB);
    else expect(Math.max(...held)).toBeGreaterThan(8 * MiB);
    reader.socket.destroy();
  });

  it('is cut off after sendTimeout, its pings being no progress', async () => {
    host = await UwsHost.start(generous([]), { sendTimeout: 300, timeout: Infinity });
    const reader = await SlowReader.open(host.number, Buffer.alloc(0));
    await reader.read(1);
    reader.socket.write(requests);
    const pings = setInterval(() => reader.socket.write(encodeFrame({ opcode: OPCODE.ping })), 10);
    try {
      expect(await reasons.next()).toEqual(['error', 'send_timeout']);
    } finally {
      clearInterval(pings);
      reader.socket.destroy();
    }
  });

  it('is cut off after closeTimeout when the connection ends', async () => {
    const stops = new Log<unknown>();
    const note = (event: unknown) => stops.add(event);
    telemetry.connectionStop.subscribe(note);
    host = await UwsHost.start(
      {
        handleIn: (_message: DataMessage, state: unknown) =>
          stop('normal', 1000, binary(Buffer.alloc(32 * MiB)), state),
        terminate,
      },
      { closeTimeout: 300, maxBufferedAmount: Infinity, sendTimeout: Infinity, timeout: Infinity },
    );
    const reader = await SlowReader.open(host.number, Buffer.alloc(0));
    await reader.read(1);
    reader.socket.write(encodeFrame({ opcode: OPCODE.text }));
    expect(await reasons.next()).toBe('normal');
    await stops.next();
    telemetry.connectionStop.unsubscribe(note);
    await reader.read(Infinity);
    expect(reader.received).toBeLessThan(32 * MiB);
  });
});

describe('maxInbound on uWebSockets.js, which cannot stop reading', () => {
  const MAX = 10;
  const busy: WebSock = {
    async handleIn([, n]: DataMessage, state: unknown) {
      await gate.passed;
      return push(text(n as string), state);
    },
    terminate,
  };
  /** The first is being handled, the others wait. */
  const messages = (waiting: number) =>
    Array.from({ length: 1 + waiting }, (_, i) => ({ opcode: OPCODE.text, payload: String(i) }));

  it('is passed: what waits is handled all the same', async () => {
    host = await UwsHost.start(busy, { maxInbound: MAX });
    const client = await host.open('/');
    client.send(...messages(16 * MAX - 1), { opcode: OPCODE.ping });
    await client.nextFrame();
    gate.open();
    for (let i = 0; i < 16 * MAX; i++) expect(await client.nextText()).toBe(String(i));
    client.text('more');
    expect(await client.nextText()).toBe('more');
  });

  it('16 times over ends the connection with 1013', async () => {
    host = await UwsHost.start(busy, { maxInbound: MAX });
    const client = await host.open('/');
    client.send(...messages(16 * MAX + 5), { opcode: OPCODE.ping });
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong });
    gate.open();
    for (let i = 0; i <= 16 * MAX; i++) expect(await client.nextText()).toBe(String(i));
    expect(await client.nextClose()).toEqual({ code: 1013, reason: '' });
    expect(await reasons.next()).toEqual(['error', 'overload']);
  });
});

describe('liveness on uWebSockets.js', () => {
  it('pings a silent client, and closes with 1001 when it stays silent', async () => {
    host = await UwsHost.start({ terminate }, { timeout: 400, heartbeat: 100 });
    const client = await host.open('/');
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.ping });
    client.pong();
    const frames = [];
    for (let frame; (frame = await client.nextFrame()).opcode !== OPCODE.close;) frames.push(frame.opcode);
    expect(frames).toContain(OPCODE.ping);
    expect(await reasons.next()).toBe('timeout');
  });
});
