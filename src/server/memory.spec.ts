import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { handlerOf } from '../connection/handler.js';
import { ConnectionRegistry } from '../connection/registry.js';
import type { TransportListener } from '../connection/transport.js';
import { ProtocolError } from '../websock/errors.js';
import { resolveOptions, type WebSockOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { WebSock } from '../websock/websock.js';
import { MemoryClient, MemoryServer, type MemoryClientOptions } from './memory.js';
import { MemoryTransport, type MemoryPeer } from './memory-transport.js';

/** Both ends, and what each is told. */
function link(options: WebSockOptions = {}, clientOptions: MemoryClientOptions = {}) {
  const server: string[] = [];
  const seen: string[] = [];
  const client = new MemoryClient(clientOptions);
  const listener: TransportListener = {
    receiveMessage: ([op, data]) => server.push(`${op} ${data.toString()}`),
    receiveControl: ([op, data]) => server.push(`${op} ${data.toString()}`),
    receiveClose: (code, reason) => server.push(`close ${code} ${Buffer.from(reason).toString()}`),
    receiveViolation: ({ closeCode }) => server.push(`violation ${closeCode}`),
    sent: () => {},
    drained: () => server.push('drained'),
    transportClosed: () => server.push('gone'),
  };
  const transport = new MemoryTransport(
    listener,
    client.asPeer(recorder(seen)),
    resolveOptions('link', options),
  );
  client.attach(transport);
  return { transport, client, server, seen, listener };
}

function recorder(seen: string[]): MemoryPeer {
  return {
    receiveMessage: ([op, data]) => seen.push(`${op} ${data.toString()}`),
    receiveClose: (code, reason) => seen.push(`close ${code} ${reason.toString()}`),
    ended: () => seen.push('ended'),
  };
}

describe('MemoryTransport, from the client', () => {
  it('delivers messages within the call, in order', () => {
    const { client, server, transport } = link();
    client.send(['text', ['h', 'i']]);
    client.send(['binary', Buffer.from('b')]);
    client.send(['ping', null]);
    expect(server).toEqual(['text hi', 'binary b', 'ping ']);
    expect(transport.bytesReceived).toBe(8 + 7 + 6);
  });

  it('holds them while paused, and delivers them from a microtask', async () => {
    const { client, server, transport } = link();
    transport.pause();
    client.send(['text', 'a']);
    client.close(1000);
    expect([server, transport.bytesReceived]).toEqual([[], 0]);
    transport.resume();
    expect(server).toEqual([]);
    await null;
    expect(server).toEqual(['text a', 'close 1000 ']);
  });

  it('stops in the middle when it is paused by what it delivers', () => {
    const { client, server, transport, listener } = link();
    listener.receiveMessage = ([, data]) => {
      server.push(data.toString());
      transport.pause();
    };
    client.send(['text', 'a']);
    client.send(['text', 'b']);
    expect(server).toEqual(['a']);
  });

  it('answers neither a close frame nor a violation by itself, and reads nothing after it', async () => {
    for (const conclude of [
      (client: MemoryClient) => client.close(1001, 'bye'),
      (client: MemoryClient) => client.violate(new ProtocolError(1002, 'x')),
    ]) {
      const { client, server, seen } = link();
      conclude(client);
      client.send(['text', 'late']);
      client.close(1000);
      await setImmediate();
      expect(server).toHaveLength(1);
      expect(seen).toEqual([]);
    }
  });

  it('ends with a FIN behind what was sent', () => {
    const { client, server, transport } = link();
    client.send(['text', 'a']);
    client.end();
    client.send(['text', 'b']);
    client.reset();
    transport.close(1000, '');
    transport.destroy();
    expect(transport.send('text', 'x')).toBe(true);
    expect(server).toEqual(['text a', 'gone']);
  });

  it('notices a reset at the next write while it is paused', async () => {
    const { client, server, transport } = link();
    transport.pause();
    client.send(['text', 'lost']);
    client.reset();
    await setImmediate();
    expect(server).toEqual([]);
    expect(transport.send('text', 'x')).toBe(true);
    expect(server).toEqual([]);
    await null;
    expect(server).toEqual(['gone']);
  });

  const limits: WebSockOptions = { maxMessageSize: 200, maxFrameSize: 100 };
  it.each([
    ['a message above maxFrameSize', limits, ['text', 'x'.repeat(101)], 'violation 1009'],
    ['a ping of 126 bytes', {}, ['ping', 'x'.repeat(126)], 'violation 1002'],
    ['text that is no UTF-8', {}, ['text', Buffer.from([0xff])], 'violation 1007'],
    ['the same, unchecked', { validateUtf8: false }, ['text', Buffer.from([0xff])], 'text \ufffd'],
    ['a message at the limit', limits, ['text', 'x'.repeat(100)], `text ${'x'.repeat(100)}`],
  ] as const)('checks as a wire server would: %s', (_, options, message, told) => {
    const { client, server } = link(options);
    client.send(message);
    expect(server).toEqual([told]);
  });

  it.each([
    [undefined, '', 'close 1005 '],
    [4999, 'x'.repeat(123), `close 4999 ${'x'.repeat(123)}`],
    [1005, '', 'close 1002 '],
    [5000, 'reason', 'close 1002 '],
    [1000, 'x'.repeat(124), 'violation 1002'],
    [1000, Buffer.from([0xff]), 'violation 1007'],
  ])('checks close frames: %s', (code, reason, told) => {
    const { client, server } = link();
    client.close(code, reason);
    expect(server).toEqual([told]);
  });
});

describe('MemoryTransport, from the server', () => {
  it('delivers at once to a client that reads, which answers in a microtask', async () => {
    const { transport, server, seen } = link();
    expect(transport.send('ping', 'p')).toBe(true);
    expect([seen, server]).toEqual([['ping p'], []]);
    await null;
    expect(server).toEqual(['pong p']);
    expect([transport.bufferedAmount, transport.bytesAccepted]).toEqual([0, 3]);
  });

  it('counts what waits for a client that does not, and asks to wait above the mark', async () => {
    const { transport, client, server, seen } = link({ maxBufferedAmount: 20 });
    client.pause();
    expect(transport.send('text', 'x'.repeat(18))).toBe(true);
    expect(transport.send('text', '')).toBe(false);
    expect(transport.bufferedAmount).toBe(22);
    client.read(19);
    expect(seen).toEqual([]);
    expect([transport.bufferedAmount, transport.bytesAccepted]).toEqual([3, 19]);
    client.read(1);
    expect(seen).toHaveLength(1);
    await null;
    // Not before all has been taken that waited then.
    expect(server).toEqual([]);
    client.resume();
    expect(server).toEqual([]);
    await null;
    expect(server).toEqual(['drained']);
    transport.send('text', 'x'.repeat(50));
    await null;
    expect(server).toEqual(['drained']);
  });

  it('tells that it has drained when it goes, and nothing after that it has gone', async () => {
    const { transport, client, server, seen } = link({ maxBufferedAmount: 1 });
    client.pause();
    transport.send('text', 'x');
    transport.destroy();
    expect(server).toEqual([]);
    await null;
    expect([server, seen, transport.bufferedAmount]).toEqual([['drained', 'gone'], ['ended'], 0]);
    client.resume();
    client.send(['text', 'x']);
    await setImmediate();
    expect([server, seen]).toEqual([['drained', 'gone'], ['ended']]);
  });

  it('sends the close frame behind everything, and ends when the client has answered', async () => {
    const { transport, client, server, seen } = link();
    client.pause();
    transport.send('text', 'last');
    transport.close(4000, 'bye');
    expect(transport.send('text', 'too late')).toBe(true);
    client.resume();
    expect(seen).toEqual(['text last', 'close 4000 bye']);
    await setImmediate();
    expect(server).toEqual(['gone']);
    expect(seen.at(-1)).toBe('ended');
  });

  it('waits for a client that does not answer', async () => {
    const { transport, client, server, seen } = link({}, { autoClose: false });
    transport.close(undefined, '');
    await setImmediate();
    expect([server, seen]).toEqual([[], ['close 1005 ']]);
    client.close();
    await null;
    expect([server, seen]).toEqual([['gone'], ['close 1005 ', 'ended']]);
  });

  it('reads on to see the answer when it is paused', async () => {
    const { transport, client, server } = link({}, { autoClose: false });
    transport.pause();
    client.send(['text', 'a']);
    transport.close(1000, '');
    client.close(1000);
    await setImmediate();
    expect(server).toEqual(['text a', 'gone']);
  });

  it('answers the client’s close frame, and ends', async () => {
    const { transport, client, server, seen } = link();
    client.close(1000);
    transport.close(1000, '');
    await setImmediate();
    expect([server, seen]).toEqual([
      ['close 1000 ', 'gone'],
      ['close 1000 ', 'ended'],
    ]);
  });
});

describe('MemoryServer', () => {
  const log: string[] = [];
  const slow: WebSock<null> = {
    handleIn: (message, state) => ['push', message, state],
    async terminate(reason) {
      log.push(`terminate ${String(reason)}`);
      await setImmediate();
      log.push('terminated');
    },
  };

  function open(websock: WebSock<any>) {
    log.length = 0;
    const registry = new ConnectionRegistry();
    const { connection, client } = new MemoryServer(registry).open(
      {
        handler: handlerOf(websock),
        argument: null,
        request: {} as UpgradeRequest,
        options: resolveOptions('open'),
        context: new AsyncResource('test'),
      },
      recorder(log),
    );
    connection.start();
    return { registry, client };
  }

  it.each([
    ['a close', (client: MemoryClient) => client.close(1001), 'terminate remote', 'close 1001 '],
    [
      'a violation',
      (client: MemoryClient) => client.violate(new ProtocolError(1008, 'x')),
      'terminate error,ProtocolError: x',
      'close 1008 ',
    ],
  ])('ends terminate before the close frame of %s', async (_, act, first, last) => {
    const { registry, client } = open(slow);
    client.send(['text', 'a']);
    act(client);
    while (registry.size > 0) await setImmediate();
    expect(log).toEqual(['text a', first, 'terminated', last, 'ended']);
  });

  it('leaves nothing behind', async () => {
    const { registry, client } = open({ handleIn: () => ['stop', 'normal', null] });
    expect(registry.size).toBe(1);
    client.send(['text', 'a']);
    await setImmediate();
    expect(registry.size).toBe(0);
  });
});
