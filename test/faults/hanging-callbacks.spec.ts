import {
  ok,
  push,
  text,
  type CallbackName,
  type WebSock,
  type WebSockServerOptions,
} from '../../src/core.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import { Log } from '../support/log.js';
import type { RawClient } from '../support/raw-client.js';
import { expectOnTime, settled } from '../support/timing.js';

afterEach(stopHosts);

const TERMINATE_TIMEOUT = 300;
const UPGRADE_TIMEOUT = 500;

type Hangs = Exclude<CallbackName, 'terminate'>;
const callbacks: Hangs[] = ['init', 'handleIn', 'handleControl', 'handleInfo'];

/** A connection one of whose callbacks will never come back. */
async function hang(callback: Hangs, options: WebSockServerOptions = {}): Promise<[RawClient, Host]> {
  const hanging = new Log<void>();
  const never = () => {
    hanging.add();
    return new Promise<never>(() => {});
  };
  const websock: WebSock<string> = {
    init: (_argument, { ref }) => push(text(ref), 'initial'),
    handleIn: (_message, state) => ok(state),
    [callback]: never,
  };
  const host = await serve(websock, {
    terminateTimeout: TERMINATE_TIMEOUT,
    upgradeTimeout: UPGRADE_TIMEOUT,
    ...options,
  });
  const client = await host.open();
  if (callback !== 'init') {
    const ref = await client.nextText();
    client.text('go');
    client.ping();
    await client.nextFrame();
    host.websockets.connections.sendInfo(ref, 'go');
  }
  await hanging.next();
  return [client, host];
}

describe.each(callbacks)('a %s that never comes back', (callback) => {
  const terminated = callback === 'init' ? 0 : 1;

  it('does not hold up the client’s close', async () => {
    const [client, host] = await hang(callback);
    const begin = performance.now();
    client.close(4000);
    expect((await client.nextClose()).code).toBe(4000);
    expectOnTime(performance.now() - begin, TERMINATE_TIMEOUT);
    expect(await client.ended()).toBe('fin');
    expect(host.ended.all).toHaveLength(terminated);
  });

  it('leaves nothing behind when the client vanishes', async () => {
    const [client, host] = await hang(callback);
    client.reset();
    await settled(() => host.tcpConnections, 30);
    const begin = performance.now();
    await host.websockets.close();
    expect(performance.now() - begin).toBeLessThan(TERMINATE_TIMEOUT + 200);
    expect(host.ended.all).toHaveLength(terminated);
    expect(host.websockets.connections.list()).toEqual([]);
  });

  it('does not hold up a shutdown', async () => {
    const [client, host] = await hang(callback);
    const begin = performance.now();
    const closed = host.websockets.close();
    const { code } = await client.nextClose();
    expect(code).toBe(1012);
    client.close(code);
    await client.ended();
    client.end();
    await closed;
    expectOnTime(performance.now() - begin, TERMINATE_TIMEOUT);
    expect(host.ended.all.map(({ reason, state }) => [reason, state])).toEqual(
      terminated ? [['shutdown', 'initial']] : [],
    );
  });

  it('is cut off when the shutdown’s own limit is shorter', async () => {
    const [client, host] = await hang(callback, {
      terminateTimeout: Infinity,
      upgradeTimeout: Infinity,
      drainer: { shutdown: 200 },
    });
    const begin = performance.now();
    await host.websockets.close();
    expectOnTime(performance.now() - begin, 200);
    await client.ended();
    expect(host.ended.all).toHaveLength(terminated);
  });
});

describe('a terminate that never comes back', () => {
  const hangs: WebSock = { terminate: () => new Promise(() => {}) };

  it('does not hold up a shutdown', async () => {
    const host = await serve(hangs, { terminateTimeout: TERMINATE_TIMEOUT });
    const client = await host.open();
    const begin = performance.now();
    const closed = host.websockets.close();
    expect((await client.nextClose()).code).toBe(1012);
    client.close(1012);
    await client.ended();
    client.end();
    await closed;
    expectOnTime(performance.now() - begin, TERMINATE_TIMEOUT);
    expect(host.ended.all).toHaveLength(1);
  });

  it('leaves nothing behind when the client vanishes', async () => {
    const host = await serve(hangs, { terminateTimeout: TERMINATE_TIMEOUT });
    const client = await host.open();
    const begin = performance.now();
    client.reset();
    await host.ended.next();
    await host.websockets.close();
    expectOnTime(performance.now() - begin, TERMINATE_TIMEOUT);
  });
});

describe('clients that never answer the close frame', () => {
  it('hold up a shutdown by two seconds at most', async () => {
    const host = await serve({ handleIn: (_message, state) => ok(state) });
    const clients = await Promise.all(Array.from({ length: 20 }, () => host.open()));
    const begin = performance.now();
    await host.websockets.close();
    expectOnTime(performance.now() - begin, 2_000);
    for (const client of clients) expect((await client.nextClose()).code).toBe(1012);
  });
});
