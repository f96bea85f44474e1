import { randomBytes } from 'node:crypto';
import { binary, ok, push, text, type Connection, type WebSock } from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import { Gate, Log } from '../support/log.js';
import type { RawClient } from '../support/raw-client.js';
import { SlowReader } from '../support/slow-reader.js';
import { elapse, expectOnTime, settled } from '../support/timing.js';

afterEach(stopHosts);

const MiB = 1_048_576;
const block = Buffer.alloc(65_536, 'x');
const go = encodeFrame({ opcode: OPCODE.text, payload: 'go' });
const closeFrame = encodeFrame({ opcode: OPCODE.close, payload: Buffer.of(3, 232) });

/** Waits for a gate, then answers each message with its length. */
function gated() {
  const gate = new Gate();
  const websock: WebSock = {
    async handleIn([, data], state) {
      await gate.passed;
      return push(text(String(data.length)), state);
    },
  };
  return { gate, websock };
}

/** The time from a message to its echo, ms. */
async function roundTrip(client: RawClient): Promise<number> {
  const begin = performance.now();
  client.text('are you there?');
  await client.nextText();
  return performance.now() - begin;
}

describe('maxInbound', () => {
  const bytesRead = (host: Host) => settled(() => host.bytesRead);

  it('stops reading at 1 MiB of waiting messages by default, and loses none', async () => {
    const { gate, websock } = gated();
    const host = await serve(websock);
    const client = await host.open();
    for (let i = 0; i < 400; i++) client.binary(block);
    expect(await bytesRead(host)).toBeLessThan(MiB + 4 * 65_536);
    gate.open();
    for (let i = 0; i < 400; i++) expect(await client.nextText()).toBe('65536');
  });

  it('stops reading at so many waiting messages, and loses none', async () => {
    const { gate, websock } = gated();
    const host = await serve(websock, { maxInbound: 10 });
    const client = await host.open();
    const small = encodeFrame({ opcode: OPCODE.binary, payload: Buffer.alloc(1_000) });
    for (let i = 0; i < 10; i++) client.write(Buffer.concat(Array.from({ length: 1_000 }, () => small)));
    expect(await bytesRead(host)).toBeLessThan(10_000 + 4 * 65_536);
    gate.open();
    for (let i = 0; i < 10_000; i++) expect(await client.nextText()).toBe('1000');
  });

  it('counts pings that wait for handleControl', async () => {
    const gate = new Gate();
    const handleControl: WebSock['handleControl'] = async (_message, state) => (await gate.passed, ok(state));
    const host = await serve({ handleControl }, { maxInbound: 10 });
    const client = await host.open();
    const ping = encodeFrame({ opcode: OPCODE.ping, payload: Buffer.alloc(125) });
    client.write(Buffer.concat(Array.from({ length: 40_000 }, () => ping)));
    expect(await bytesRead(host)).toBeLessThan(10 * 131 + 4 * 65_536);
    gate.open();
    for (let i = 0; i < 40_000; i++) await client.nextFrame();
  });

  it('Infinity reads on', async () => {
    const { gate, websock } = gated();
    const host = await serve(websock, { maxInbound: Infinity });
    const client = await host.open();
    for (let i = 0; i < 200; i++) client.binary(block);
    expect(await bytesRead(host)).toBeGreaterThan(200 * 65_536);
    gate.open();
  });

  it('holds up nobody else', async () => {
    const { gate, websock } = gated();
    const host = await serve(websock);
    const client = await host.open();
    for (let i = 0; i < 400; i++) client.binary(block);
    await bytesRead(host);
    const echo = await (await serve({ handleIn: (message, state) => push(message, state) })).open();
    expect(await roundTrip(echo)).toBeLessThan(200);
    gate.open();
  });
});

describe('maxMailbox', () => {
  /** Opens a connection whose callbacks wait for a gate when they are told to. */
  async function start(maxMailbox?: number) {
    const gate = new Gate();
    const handled: unknown[] = [];
    const websock: WebSock<string> = {
      init: (_argument, { ref }) => push(text(ref), ref),
      async handleIn(_message, state) {
        await gate.passed;
        return push(text('done'), state);
      },
      handleInfo(message, state) {
        handled.push(message);
        return ok(state);
      },
    };
    const host = await serve(websock, { maxMailbox, terminateTimeout: 200 });
    const client = await host.open();
    const ref = await client.nextText();
    const flood = (n: number) => {
      for (let i = 0; i < n; i++) host.websockets.connections.sendInfo(ref, i);
    };
    const busy = async () => {
      client.text('wait');
      client.ping();
      await client.nextFrame();
    };
    return { gate, handled, host, client, flood, busy };
  }

  it('is 1 000 by default: one more while a callback runs closes with 1013', async () => {
    const { host, client, flood, busy, gate } = await start();
    await busy();
    flood(1_001);
    gate.open();
    expect(await client.nextText()).toBe('done');
    expect((await client.nextClose()).code).toBe(1013);
    expect(await host.ended.next()).toMatchObject({
      reason: ['error', 'overload'],
      facts: { code: 1013, initiator: 'server' },
    });
  });

  it('lets so many wait', async () => {
    const { handled, client, flood, busy, gate } = await start(10);
    await busy();
    flood(10);
    gate.open();
    expect(await client.nextText()).toBe('done');
    client.ping();
    await client.nextFrame();
    expect(handled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('ends a callback that hangs after terminateTimeout', async () => {
    const { host, client, flood, busy } = await start(10);
    await busy();
    const begin = performance.now();
    flood(11);
    expect((await client.nextClose()).code).toBe(1013);
    expectOnTime(performance.now() - begin, 200);
    expect((await host.ended.next()).reason).toEqual(['error', 'overload']);
  });

  it('does not matter to an idle connection: a burst is worked off', async () => {
    const { handled, client, flood } = await start(10);
    flood(5_000);
    client.ping();
    await client.nextFrame();
    expect(handled).toHaveLength(5_000);
  });

  const stalls: WebSock<string> = {
    init: (_argument, { ref }) => push(text(ref), ref),
    handleIn: (_message, state) => push(binary(Buffer.alloc(16 * MiB)), state),
    handleInfo: (_message, state) => ok(state),
  };

  it('closes with 1013 where the client does not drain', async () => {
    const host = await serve(stalls, { maxMailbox: 10 });
    const client = await host.open();
    const ref = await client.nextText();
    client.socket.pause();
    client.text('go');
    await settled(() => host.bytesWritten);
    for (let i = 0; i < 11; i++) host.websockets.connections.sendInfo(ref, i);
    client.socket.resume();
    expect((await client.nextFrame()).payload).toHaveLength(16 * MiB);
    expect((await client.nextClose()).code).toBe(1013);
    expect((await host.ended.next()).reason).toEqual(['error', 'overload']);
  });

  it('Infinity is no limit', async () => {
    const { handled, client, flood, busy, gate } = await start(Infinity);
    await busy();
    flood(20_000);
    gate.open();
    expect(await client.nextText()).toBe('done');
    client.ping();
    await client.nextFrame();
    expect(handled).toHaveLength(20_000);
  });
});

describe('maxBufferedAmount', () => {
  /** Answers each message with 256 KiB, and shows its connection. */
  function generous() {
    const opened = new Log<Connection>();
    let handled = 0;
    const websock: WebSock = {
      init: (_argument, connection) => (opened.add(connection), ok(null)),
      handleIn(_message, state) {
        handled++;
        return push(binary(Buffer.alloc(262_144, handled)), state);
      },
    };
    return { websock, opened, handled: () => handled };
  }

  it('makes the queue wait for the client, by default past 1 MiB, and loses nothing', async () => {
    const { websock, opened, handled } = generous();
    const host = await serve(websock);
    const client = await host.open();
    const connection = await opened.next();
    client.socket.pause();
    for (let i = 0; i < 200; i++) client.text('go');
    expect(await settled(handled)).toBeLessThan(100);
    expect(connection.bufferedAmount).toBeGreaterThan(MiB);
    expect(connection.bufferedAmount).toBeLessThan(MiB + 2 * 262_144);
    client.socket.resume();
    for (let i = 1; i <= 200; i++) {
      const { payload } = await client.nextFrame();
      expect([payload.length, payload[0]]).toEqual([262_144, i]);
    }
  });

  it('keeps messages that need no answer waiting, too', async () => {
    const gate = new Gate();
    let handled = 0;
    const websock: WebSock = {
      async init() {
        await gate.passed;
        return ok(null);
      },
      handleIn: ([opcode, data], state) => {
        if (opcode === 'binary') return push(binary(Buffer.alloc(16 * MiB)), state);
        handled++;
        return data === 'last' ? push(text('done'), state) : ok(state);
      },
    };
    const host = await serve(websock);
    const client = await host.open();
    client.socket.pause();
    const quiet = ['1', '2', 'last'].map((payload) => ({ opcode: OPCODE.text, payload }));
    client.send({ opcode: OPCODE.binary }, ...quiet);
    await settled(() => host.bytesRead, 30);
    gate.open();
    await settled(() => host.bytesWritten);
    expect(handled).toBe(0);
    client.socket.resume();
    expect((await client.nextFrame()).payload).toHaveLength(16 * MiB);
    expect(await client.nextText()).toBe('done');
    expect(handled).toBe(3);
  });

  it('does so for compressed messages too', async () => {
    const noise = randomBytes(262_144);
    let handled = 0;
    const websock: WebSock = {
      handleIn: ([, data], state) => (handled++, push([text(data), binary(noise)], state)),
    };
    const host = await serve(websock, { compress: true });
    const client = await host.open({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } });
    client.socket.pause();
    for (let i = 0; i < 200; i++) client.text(String(i));
    expect(await settled(() => handled)).toBeLessThan(100);
    client.socket.resume();
    for (let i = 0; i < 200; i++) {
      expect(await client.nextText()).toBe(String(i));
      expect((await client.nextFrame()).rsv).toBe(4);
    }
  });

  it('makes a list of messages wait in its middle, and loses nothing', async () => {
    const opened = new Log<Connection>();
    const websock: WebSock = {
      init: (_argument, connection) => (opened.add(connection), ok(null)),
      handleIn: (_message, state) =>
        push(
          Array.from({ length: 500 }, (_, i) => binary(Buffer.alloc(65_536, i))),
          state,
        ),
    };
    const host = await serve(websock, { maxBufferedAmount: 200_000 });
    const client = await host.open();
    const connection = await opened.next();
    client.socket.pause();
    client.text('go');
    await settled(() => host.bytesWritten);
    expect(connection.bufferedAmount).toBeGreaterThan(200_000);
    expect(connection.bufferedAmount).toBeLessThan(200_000 + 2 * 65_536);
    client.socket.resume();
    for (let i = 0; i < 500; i++) expect((await client.nextFrame()).payload[0]).toBe(i & 255);
  });

  it('stops reading, pings included', async () => {
    const { websock } = generous();
    const host = await serve(websock);
    const client = await host.open();
    client.socket.pause();
    for (let i = 0; i < 200; i++) client.text('go');
    await settled(() => host.bytesWritten);
    const before = host.bytesRead;
    for (let i = 0; i < 10_000; i++) client.ping('x'.repeat(125));
    expect((await settled(() => host.bytesRead)) - before).toBeLessThan(2 * 65_536);
  });

  it('does not let pings alone fill the memory', async () => {
    const opened = new Log<Connection>();
    const host = await serve({ init: (_argument, connection) => (opened.add(connection), ok(null)) });
    const client = await host.open();
    const connection = await opened.next();
    client.socket.pause();
    const pings = Buffer.concat(
      Array.from({ length: 1_000 }, () => encodeFrame({ opcode: OPCODE.ping, payload: 'x'.repeat(125) })),
    );
    for (let i = 0; i < 200; i++) client.write(pings);
    await settled(() => host.bytesWritten);
    expect(connection.bufferedAmount).toBeLessThan(MiB + 2 * 65_536);
    client.socket.resume();
    for (let i = 0; i < 200_000; i++) await client.nextFrame();
  });

  it('holds up nobody else', async () => {
    const { websock } = generous();
    const host = await serve(websock);
    const client = await host.open();
    client.socket.pause();
    for (let i = 0; i < 200; i++) client.text('go');
    await settled(() => host.bytesWritten);
    const other = await host.open();
    const begin = performance.now();
    for (let i = 0; i < 20; i++) {
      other.text('go');
      await other.nextFrame();
    }
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  it('works off a client’s close once it drains', async () => {
    const { websock, handled } = generous();
    const host = await serve(websock);
    const client = await host.open();
    client.socket.pause();
    for (let i = 0; i < 50; i++) client.text('go');
    client.close(4000);
    await settled(() => host.bytesWritten);
    client.socket.resume();
    for (let i = 0; i < 50; i++) expect((await client.nextFrame()).opcode).toBe(OPCODE.binary);
    expect((await client.nextClose()).code).toBe(4000);
    expect(handled()).toBe(50);
  });

  it('Infinity does not wait', async () => {
    const { websock, handled } = generous();
    const host = await serve(websock, { maxBufferedAmount: Infinity });
    const client = await host.open();
    client.socket.pause();
    for (let i = 0; i < 100; i++) client.text('go');
    expect(await settled(handled)).toBe(100);
  });
});

describe('sendTimeout', () => {
  const total = 16 * MiB;
  const generous: WebSock = { handleIn: (_message, state) => push(binary(Buffer.alloc(total)), state) };

  it('drops a client that takes no byte for so long', async () => {
    const host = await serve(generous, { sendTimeout: 400 });
    const begin = performance.now();
    const reader = await SlowReader.open(host.port, go);
    expect(await host.ended.next()).toMatchObject({
      reason: ['error', 'send_timeout'],
      facts: { code: 1006, reason: '', initiator: 'server' },
    });
    expectOnTime(performance.now() - begin, 400);
    await reader.read(Infinity);
    expect(reader.received).toBeLessThan(total);
    expect(host.websockets.connections.list()).toEqual([]);
  });

  it('counts a part of a message as progress', async () => {
    const host = await serve(generous, { sendTimeout: 400 });
    const reader = await SlowReader.open(host.port, Buffer.concat([go, closeFrame]));
    const begin = performance.now();
    await reader.readSlowly(total, MiB, 120);
    expect(performance.now() - begin).toBeGreaterThan(1_500);
    await reader.read(Infinity);
    expect(reader.received).toBeGreaterThan(total);
    expect((await host.ended.next()).reason).toBe('remote');
  });

  it('does not matter while nothing waits', async () => {
    const host = await serve(generous, { sendTimeout: 100 });
    const client = await host.open();
    await elapse(300);
    expect(client.tcpEnd).toBe('open');
    client.text('go');
    expect((await client.nextFrame()).payload).toHaveLength(total);
  });

  it('drops a client that takes nothing during its own closing handshake', async () => {
    const host = await serve(generous, { sendTimeout: 300 });
    const reader = await SlowReader.open(host.port, Buffer.concat([go, closeFrame]));
    await host.ended.next();
    await settled(() => host.tcpConnections, 600);
    expect(host.tcpConnections).toBe(0);
    reader.socket.destroy();
  });
});
