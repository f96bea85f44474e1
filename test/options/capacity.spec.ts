import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { telemetry } from '../../src/telemetry/events.js';
import { ConfigError, upgrade, WebSockServer, type UpgradeError } from '../../src/core.js';
import { serve, stopHosts, type Decide } from '../support/host.js';

afterEach(stopHosts);

/** Lets the request through when told to. */
function gatekeeper() {
  const waiting: (() => void)[] = [];
  const decide: Decide = (request, response, websock) => {
    try {
      upgrade(request, websock);
    } catch (error) {
      const { status, headers } = error as UpgradeError;
      response.writeHead(status, headers);
    }
    waiting.push(() => response.end());
  };
  return { waiting, decide };
}

describe('maxConnections', () => {
  it('refuses one more with 503 and Retry-After, until one has gone', async () => {
    const host = await serve({}, { maxConnections: 2 });
    const [first] = [await host.open(), await host.open()];
    const refused = await host.open();
    expect(refused.status).toBe(503);
    expect(refused.header('retry-after')).toBe('10');
    const gone = new Promise((resolve) => telemetry.connectionStop.subscribe(resolve));
    first!.destroy();
    await gone;
    expect((await host.open()).status).toBe(101);
  });

  it('counts those that come in while another is being decided', async () => {
    const { waiting, decide } = gatekeeper();
    const host = await serve({}, { maxConnections: 1 }, decide);
    const clients = [host.open(), host.open()];
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const proceed of waiting) proceed();
    const answers = (await Promise.all(clients)).map((client) => [
      client.status,
      client.header('retry-after'),
    ]);
    expect(answers.sort()).toEqual([
      [101, undefined],
      [503, '10'],
    ]);
  });
});

describe('maxConnectionsPerAddress', () => {
  it('refuses one more from the same address with 429 and Retry-After', async () => {
    const host = await serve({}, { maxConnectionsPerAddress: 1 });
    expect((await host.open()).status).toBe(101);
    const refused = await host.open();
    expect(refused.status).toBe(429);
    expect(refused.header('retry-after')).toBe('10');
    const elsewhere = new WebSocket(`ws://127.0.0.1:${host.port}`, { localAddress: '127.0.0.2' });
    await once(elsewhere, 'open');
  });
});

describe('an HTTP server', () => {
  it('is served by one WebSockServer only', async () => {
    const { server, websockets } = await serve({});
    expect(websockets.attach(server)).toBe(websockets);
    expect(() => new WebSockServer().attach(server)).toThrow(ConfigError);
  });
});

describe('requireProtocol', () => {
  it('refuses a client with 400 that offers none of the protocols', async () => {
    const host = await serve({}, { protocols: ['chat.v1'], requireProtocol: true });
    expect((await host.open()).status).toBe(400);
    expect((await host.open({ headers: { 'Sec-WebSocket-Protocol': 'chat.v2' } })).status).toBe(400);
    const client = await host.open({ headers: { 'Sec-WebSocket-Protocol': 'chat.v2, chat.v1' } });
    expect([client.status, client.header('sec-websocket-protocol')]).toEqual([101, 'chat.v1']);
  });
});
