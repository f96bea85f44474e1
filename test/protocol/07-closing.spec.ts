import { push, stop, text, type WebSock } from '../../src/core.js';
import { OPCODE } from '../support/frames.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import { Gate } from '../support/log.js';
import type { RawClient } from '../support/raw-client.js';
import { expectOnTime } from '../support/timing.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

async function start(websock: WebSock<any> = echo): Promise<[RawClient, Host]> {
  const host = await serve(websock, { closeTimeout: 200 });
  return [await host.open(), host];
}

describe('a close frame from the client (§5.5.1)', () => {
  const codes = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ];
  it.each(codes)('is answered with its own code: %i', async (code) => {
    const [client, host] = await start();
    client.close(code);
    expect(await client.nextClose()).toEqual({ code, reason: '' });
    expect(await client.ended()).toBe('fin');
    expect(await host.ended.next()).toMatchObject({
      reason: 'remote',
      facts: { code, reason: '', initiator: 'client' },
    });
  });

  it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    'with a code that may not be sent is answered 1002: %i (§7.4)',
    async (code) => {
      const [client, host] = await start();
      client.close(code);
      expect(await client.nextClose()).toEqual({ code: 1002, reason: '' });
      expect(await client.ended()).toBe('fin');
      expect(await host.ended.next()).toMatchObject({
        reason: 'remote',
        facts: { code: 1002, initiator: 'client' },
      });
    },
  );

  it('without a code is answered without a code (§7.1.5)', async () => {
    const [client, host] = await start();
    client.close();
    expect(await client.nextClose()).toEqual({ code: undefined, reason: '' });
    expect(await host.ended.next()).toMatchObject({ reason: 'remote', facts: { code: 1005, reason: '' } });
  });

  it.each(['bye', 'grüße', 'r'.repeat(123)])('is answered with its own reason: %s', async (reason) => {
    const [client, host] = await start();
    client.close(4000, reason);
    expect(await client.nextClose()).toEqual({ code: 4000, reason });
    expect((await host.ended.next()).facts).toEqual({ code: 4000, reason, initiator: 'client' });
  });

  it('of one byte is answered 1002 (§7.1.5)', async () => {
    const [client] = await start();
    client.send({ opcode: OPCODE.close, payload: Buffer.of(3) });
    expect((await client.nextClose()).code).toBe(1002);
  });

  it('with a reason that is no UTF-8 is answered 1007 (§8.1)', async () => {
    const [client, host] = await start();
    client.close(1000, Buffer.of(0xe2, 0x82, 0x28));
    expect((await client.nextClose()).code).toBe(1007);
    const { reason } = await host.ended.next();
    expect(reason).toEqual(['error', expect.objectContaining({ closeCode: 1007 })]);
  });

  it('comes after everything the client had sent before', async () => {
    const [client] = await start();
    client.text('a');
    client.ping('b');
    client.close(1000);
    expect(await client.nextText()).toBe('a');
    expect(await client.nextFrame()).toMatchObject({ opcode: OPCODE.pong });
    expect((await client.nextClose()).code).toBe(1000);
  });

  it('is the last that is heard of the client: data behind it is not (§1.4)', async () => {
    const [client] = await start();
    client.send(
      { opcode: OPCODE.close, payload: Buffer.of(3, 232) },
      { opcode: OPCODE.text, payload: 'late' },
      { opcode: OPCODE.ping, payload: 'late' },
      { opcode: OPCODE.close, payload: Buffer.of(3, 233) },
      { opcode: OPCODE.text, payload: 'unmasked', mask: false },
    );
    expect((await client.nextClose()).code).toBe(1000);
    expect(await client.ended()).toBe('fin');
    expect(client.frames).toHaveLength(1);
  });

  it('ends the TCP connection, the server first (§7.1.1)', async () => {
    const [client, host] = await start();
    client.close(1000);
    expect(await client.ended()).toBe('fin');
    client.end();
    await client.until(() => host.tcpConnections === 0, 1_000);
  });

  const cleaned = new Gate();
  const cleansUp: WebSock = { terminate: () => cleaned.passed };

  it('is answered only when terminate has run', async () => {
    const [client, host] = await start(cleansUp);
    client.close(1000);
    await host.ended.next();
    expect(await client.until(() => client.frames.length > 0, 50)).toBe(false);
    cleaned.open();
    expect((await client.nextClose()).code).toBe(1000);
  });
});

describe('a close frame from the server (§7.1.2)', () => {
  const leaves: WebSock = {
    handleIn: ([, data], state) => stop('normal', [4001, 'enough'], text(`last: ${data}`), state),
  };

  it('comes behind everything sent before', async () => {
    const [client] = await start(leaves);
    client.text('a');
    expect(await client.nextText()).toBe('last: a');
    expect(await client.nextClose()).toEqual({ code: 4001, reason: 'enough' });
  });

  const explains: WebSock = {
    handleIn: (_message, state) => stop('normal', [4001, 'ü'.repeat(61)], state),
  };

  it('carries a reason of up to 123 bytes (§5.5)', async () => {
    const [client] = await start(explains);
    client.text('a');
    expect(await client.nextClose()).toEqual({ code: 4001, reason: 'ü'.repeat(61) });
  });

  it('is sent once, however the client answers, and nothing behind it (§5.5.1)', async () => {
    const [client] = await start(leaves);
    client.text('a');
    await client.nextText();
    await client.nextClose();
    client.ping('too late');
    client.text('too late');
    client.close(4002);
    expect(await client.ended()).toBe('fin');
    expect(client.frames).toHaveLength(2);
  });

  it('waits for the client’s (§7.1.1)', async () => {
    const [client] = await start(leaves);
    client.text('a');
    await client.nextText();
    await client.nextClose();
    expect(await client.until(() => client.tcpEnd !== 'open', 50)).toBe(false);
    client.close(4001);
    expect(await client.ended()).toBe('fin');
  });

  it('waits for closeTimeout at most', async () => {
    const [client] = await start(leaves);
    const begin = performance.now();
    client.text('a');
    await client.nextText();
    await client.nextClose();
    await client.ended();
    expectOnTime(performance.now() - begin, 200);
  });

  it('is answered by a client’s that was under way (§7.1.5)', async () => {
    const [client, host] = await start(leaves);
    client.text('a');
    client.close(4002);
    expect(await client.nextText()).toBe('last: a');
    expect((await client.nextClose()).code).toBe(4001);
    expect(await client.ended()).toBe('fin');
    expect(await host.ended.next()).toMatchObject({ reason: 'normal', facts: { code: 4001 } });
  });
});

describe('the end without a close frame (§7.1.5)', () => {
  it.each<['FIN' | 'RST', (client: RawClient) => void]>([
    ['FIN', (client) => client.end()],
    ['RST', (client) => client.reset()],
  ])('is 1006: %s', async (_, go) => {
    const [client, host] = await start();
    client.text('a');
    await client.nextText();
    go(client);
    expect(await host.ended.next()).toMatchObject({
      reason: ['error', 'closed'],
      facts: { code: 1006, reason: '', initiator: 'transport' },
    });
  });

  it('amid a frame is 1006', async () => {
    const [client, host] = await start();
    client.send({ opcode: OPCODE.text, payload: 'half', claimedLength: 100 });
    client.end();
    expect((await host.ended.next()).reason).toEqual(['error', 'closed']);
    expect(await client.ended()).toBe('fin');
  });

  it('amid fragments is 1006', async () => {
    const [client, host] = await start();
    client.send({ fin: false, opcode: OPCODE.text, payload: 'half' });
    client.end();
    expect((await host.ended.next()).reason).toEqual(['error', 'closed']);
    expect(client.frames).toEqual([]);
  });
});
