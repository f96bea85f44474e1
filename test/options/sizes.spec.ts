import { push, text, upgrade, type WebSock, type WebSockOptions } from '../../src/core.js';
import { OPCODE } from '../support/frames.js';
import { serve, stopHosts, type Decide } from '../support/host.js';

afterEach(stopHosts);

const size: WebSock = { handleIn: ([, data], state) => push(text(String(data.length)), state) };

const open = async (options: WebSockOptions) => (await serve(size, options)).open();

const bytes = (length: number) => Buffer.alloc(length, 'x');

describe('maxMessageSize', () => {
  it('is 10 000 000 bytes by default', async () => {
    const client = await open({});
    client.binary(bytes(10_000_000));
    expect(await client.nextText()).toBe('10000000');
    client.binary(bytes(10_000_001));
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('closes with 1009 on one byte more', async () => {
    const host = await serve(size, { maxMessageSize: 100 });
    const client = await host.open();
    client.binary(bytes(100));
    expect(await client.nextText()).toBe('100');
    client.binary(bytes(101));
    expect(await client.nextClose()).toEqual({ code: 1009, reason: '' });
    expect(await client.ended()).toBe('fin');
    expect((await host.ended.next()).reason).toEqual(['error', expect.objectContaining({ closeCode: 1009 })]);
  });

  it('counts bytes, not characters', async () => {
    const client = await open({ maxMessageSize: 5 });
    client.text('üü');
    expect(await client.nextText()).toBe('2');
    client.text('üüü');
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('counts all fragments of a message together', async () => {
    const client = await open({ maxMessageSize: 100 });
    for (const last of [40, 41]) {
      client.send(
        { fin: false, opcode: OPCODE.binary, payload: bytes(60) },
        { opcode: OPCODE.ping, payload: bytes(125) },
        { opcode: OPCODE.continuation, payload: bytes(last) },
      );
    }
    expect((await client.nextFrame()).opcode).toBe(OPCODE.pong);
    expect(await client.nextText()).toBe('100');
    expect((await client.nextFrame()).opcode).toBe(OPCODE.pong);
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('does not count control frames', async () => {
    const client = await open({ maxMessageSize: 1 });
    client.ping(bytes(125));
    expect((await client.nextFrame()).payload).toHaveLength(125);
  });

  it('Infinity is no limit', async () => {
    const client = await open({ maxMessageSize: Infinity });
    client.binary(bytes(12_000_000));
    expect(await client.nextText()).toBe('12000000');
  });
});

describe('maxFrameSize', () => {
  it('closes with 1009 on one byte more', async () => {
    const client = await open({ maxFrameSize: 50 });
    client.binary(bytes(50));
    expect(await client.nextText()).toBe('50');
    client.binary(bytes(51));
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('and maxMessageSize: ws applies the smaller to both', async () => {
    const client = await open({ maxFrameSize: 50, maxMessageSize: 100 });
    client.send(
      { fin: false, opcode: OPCODE.binary, payload: bytes(50) },
      { opcode: OPCODE.continuation, payload: bytes(1) },
    );
    expect((await client.nextClose()).code).toBe(1009);
  });

  it('above maxMessageSize changes nothing', async () => {
    const client = await open({ maxFrameSize: Infinity, maxMessageSize: 100 });
    client.binary(bytes(101));
    expect((await client.nextClose()).code).toBe(1009);
  });
});

describe('options given to upgrade()', () => {
  const byPath: Decide = (request, response, websock) => {
    upgrade(request, websock, undefined, { maxMessageSize: Number(request.url!.slice(1)) });
    response.end();
  };

  it('come before the server’s, each connection its own', async () => {
    const host = await serve(size, { maxMessageSize: 7 }, byPath);
    const [ten, twenty] = [await host.open({ path: '/10' }), await host.open({ path: '/20' })];
    ten.binary(bytes(10));
    twenty.binary(bytes(20));
    expect([await ten.nextText(), await twenty.nextText()]).toEqual(['10', '20']);
    ten.binary(bytes(11));
    expect((await ten.nextClose()).code).toBe(1009);
    twenty.binary(bytes(11));
    expect(await twenty.nextText()).toBe('11');
  });

  const wrong: Decide = (request, response, websock) => {
    try {
      upgrade(request, websock, undefined, { timeout: 0 });
    } catch (error) {
      response.statusCode = 500;
      response.end((error as Error).message);
    }
  };

  it('are checked there', async () => {
    const client = await (await serve(size, {}, wrong)).open();
    await client.ended();
    expect(client.body).toContain('upgrade(): timeout must be a whole number of milliseconds');
  });
});
