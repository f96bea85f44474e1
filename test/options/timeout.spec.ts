import { ok, push, text, type Connection, type WebSock, type WebSockOptions } from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { serve, stopHosts } from '../support/host.js';
import { Gate } from '../support/log.js';
import { elapse, expectOnTime } from '../support/timing.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

async function start(options: WebSockOptions, websock: WebSock<any> = echo) {
  const host = await serve(websock, options);
  const begin = performance.now();
  const client = await host.open();
  return { host, client, begin };
}

describe('timeout', () => {
  it.each([100, 400, 1_000])('ends a silent connection with 1001 after %i ms', async (timeout) => {
    const { host, client, begin } = await start({ timeout, heartbeat: false });
    expect(await client.nextClose()).toEqual({ code: 1001, reason: '' });
    expectOnTime(performance.now() - begin, timeout);
    expect(await host.ended.next()).toMatchObject({
      reason: 'timeout',
      facts: { code: 1001, reason: '', initiator: 'server' },
    });
  });

  it.each<[string, Buffer[]]>([
    ['a message', [encodeFrame({ opcode: OPCODE.text, payload: 'a' })]],
    ['a ping', [encodeFrame({ opcode: OPCODE.ping })]],
    ['a pong', [encodeFrame({ opcode: OPCODE.pong })]],
    ['a byte of a frame', [...encodeFrame({ opcode: OPCODE.text, payload: 'a' })].map((b) => Buffer.of(b))],
  ])('starts again with any byte from the client: %s', async (_, packets) => {
    const { client } = await start({ timeout: 300, heartbeat: false });
    let last = 0;
    for (let i = 0; i < 5; i++) {
      await elapse(150);
      last = performance.now();
      client.write(packets[i % packets.length]!);
    }
    await client.until(() => client.frames.at(-1)?.opcode === OPCODE.close, 5_000);
    expectOnTime(performance.now() - last, 300);
  });

  const chatty: WebSock = {
    init: (_argument, connection) => push(text('tick'), void connection.sendInfoAfter(50, 'tick')),
    handleInfo: (_tick, state, connection) => {
      connection.sendInfoAfter(50, 'tick');
      return push(text('tick'), state);
    },
  };

  it('does not start again with what the server sends, nor with info', async () => {
    const { client, begin } = await start({ timeout: 300, heartbeat: false }, chatty);
    await client.until(() => client.frames.at(-1)?.opcode === OPCODE.close, 5_000);
    expectOnTime(performance.now() - begin, 300);
  });

  const gate = new Gate();
  const slow: WebSock = {
    async handleIn(message, state) {
      await gate.passed;
      return push(message, state);
    },
  };

  it('stands still while a callback runs', async () => {
    const { client } = await start({ timeout: 200, heartbeat: false }, slow);
    client.text('a');
    await elapse(500);
    expect(client.frames).toEqual([]);
    gate.open();
    expect(await client.nextText()).toBe('a');
    const begin = performance.now();
    expect((await client.nextClose()).code).toBe(1001);
    // What was left of it when the callback began.
    expect(performance.now() - begin).toBeGreaterThan(100);
  });

  const floods: WebSock = {
    handleIn: (_message, state) =>
      push(
        Array.from({ length: 32 }, () => text('x'.repeat(1_000_000))),
        state,
      ),
  };

  it('stands still while output waits for the client', async () => {
    const { host, client } = await start({ timeout: 200, heartbeat: false }, floods);
    client.socket.pause();
    client.text('go');
    await elapse(600);
    expect(host.ended.all).toEqual([]);
    client.socket.resume();
    for (let i = 0; i < 32; i++) await client.nextText();
    expect((await client.nextClose()).code).toBe(1001);
  });

  it('Infinity is no limit', async () => {
    const { client } = await start({ timeout: Infinity });
    await elapse(300);
    expect(client.frames).toEqual([]);
    expect(client.tcpEnd).toBe('open');
  });
});

describe('heartbeat', () => {
  it('is half of the timeout by default, and a client that answers stays', async () => {
    const { client, begin } = await start({ timeout: 400 });
    for (let i = 0; i < 4; i++) {
      const ping = await client.nextFrame();
      expect(ping).toMatchObject({ opcode: OPCODE.ping, payload: Buffer.alloc(0) });
      if (i === 0) expectOnTime(performance.now() - begin, 200);
      client.pong(ping.payload);
    }
    expect(performance.now() - begin).toBeGreaterThan(700);
    expect(client.tcpEnd).toBe('open');
  });

  it('does not keep a client that does not answer', async () => {
    const { host, client, begin } = await start({ timeout: 400 });
    expect((await client.nextFrame()).opcode).toBe(OPCODE.ping);
    expect((await client.nextClose()).code).toBe(1001);
    expectOnTime(performance.now() - begin, 400);
    expect((await host.ended.next()).reason).toBe('timeout');
  });

  it('pings after so many ms of silence', async () => {
    const { client, begin } = await start({ timeout: 1_000, heartbeat: 100 });
    expect((await client.nextFrame()).opcode).toBe(OPCODE.ping);
    expectOnTime(performance.now() - begin, 100);
  });

  it('goes on pinging', async () => {
    const { client } = await start({ timeout: 1_000, heartbeat: 100 });
    for (let i = 0; i < 3; i++) expect((await client.nextFrame()).opcode).toBe(OPCODE.ping);
  });

  it('does not ping a client that is heard', async () => {
    const { client } = await start({ timeout: 1_000, heartbeat: 200 });
    for (let i = 0; i < 8; i++) {
      client.pong();
      await elapse(60);
    }
    expect(client.frames).toEqual([]);
  });

  it('false sends none', async () => {
    const { client } = await start({ timeout: 300, heartbeat: false });
    expect((await client.nextFrame()).opcode).toBe(OPCODE.close);
  });

  it('works without a timeout', async () => {
    const { client } = await start({ timeout: Infinity, heartbeat: 50 });
    for (let i = 0; i < 3; i++) expect((await client.nextFrame()).opcode).toBe(OPCODE.ping);
  });

  const tells: WebSock = { handleControl: ([opcode], state) => push(text(opcode), state) };

  it('tells the handler of the pongs that answer', async () => {
    const { client } = await start({ timeout: 200 }, tells);
    client.pong((await client.nextFrame()).payload);
    expect(await client.nextText()).toBe('pong');
  });
});

describe('a process that could not run', () => {
  it('holds the time lost against no client', async () => {
    const { host, client } = await start({ timeout: 300, heartbeat: false });
    await elapse(100);
    client.text('in time');
    // From a timer: the timers that are due by then fire before anything is read.
    for (const end = performance.now() + 600; performance.now() < end;);
    expect(await client.nextText()).toBe('in time');
    expect(host.ended.all).toEqual([]);
  });
});

describe('sendInfoAfter', () => {
  const begins: number[] = [];
  const timer: WebSock = {
    init(_argument, connection: Connection) {
      for (const ms of [0, 50, 200]) connection.sendInfoAfter(ms, ms);
      begins.push(performance.now());
      return ok(null);
    },
    handleInfo: (ms, state) => push(text(`${ms as number} ${performance.now()}`), state),
  };

  it('is never early', async () => {
    const { client } = await start({}, timer);
    for (const ms of [0, 50, 200]) {
      const [said, at] = (await client.nextText()).split(' ').map(Number);
      expect(said).toBe(ms);
      expectOnTime(at! - begins[0]!, ms);
    }
  });
});
