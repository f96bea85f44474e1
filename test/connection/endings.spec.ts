import {
  binary,
  ok,
  push,
  stop,
  text,
  type HandleResult,
  type WebSock,
  type WebSockServerOptions,
} from '../../src/core.js';
import { encodeFrame, OPCODE, readClose } from '../support/frames.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import { Gate, Log } from '../support/log.js';
import type { CloseSays, RawClient } from '../support/raw-client.js';
import { settled } from '../support/timing.js';

afterEach(stopHosts);

const echo: WebSock<string> = {
  init: () => ok('state'),
  handleIn: (message, state) => push(message, state),
};

const NOTHING = { code: undefined, reason: '' };

/** Reads to the end what the server sends, answers its close frame, and tells what that said. */
async function farewell(client: RawClient): Promise<CloseSays> {
  for (;;) {
    const frame = await client.nextFrame();
    if (frame.opcode !== OPCODE.close) continue;
    client.send({ opcode: OPCODE.close, payload: frame.payload });
    await client.ended();
    expect(client.frames.at(-1)).toBe(frame);
    const { code, reason } = readClose(frame);
    return { code, reason: reason.toString() };
  }
}

interface Cause {
  websock?: WebSock<any>;
  options?: WebSockServerOptions;
  /** What the client or the app does. */
  act: (client: RawClient, host: Host) => unknown;
  says: CloseSays;
  terminate: { reason: unknown; initiator: string; code: number };
}

const go = (client: RawClient) => client.text('go');
const returns = (result: HandleResult<any>): WebSock<any> => ({ ...echo, handleIn: () => result });
const error = (value: unknown) => ['error', value];
const violation = (closeCode: number) =>
  error(expect.objectContaining({ code: 'WEBSOCK_PROTOCOL', closeCode }));
const byServer = (code: number, reason: unknown) => ({ code, reason, initiator: 'server' });
const boom = new Error('boom');

const causes: [string, Cause][] = [
  [
    'stop normal',
    {
      websock: returns(stop('normal', 'state')),
      act: go,
      says: { code: 1000, reason: '' },
      terminate: byServer(1000, 'normal'),
    },
  ],
  [
    'stop shutdown, disconnected',
    {
      websock: returns(stop(['shutdown', 'disconnected'], 'state')),
      act: go,
      says: { code: 1000, reason: '' },
      terminate: byServer(1000, 'normal'),
    },
  ],
  [
    'stop shutdown, restart',
    {
      websock: returns(stop(['shutdown', 'restart'], 'state')),
      act: go,
      says: { code: 1012, reason: '' },
      terminate: byServer(1012, 'normal'),
    },
  ],
  [
    'stop with any other reason',
    {
      websock: returns(stop('because', 'state')),
      act: go,
      says: { code: 1011, reason: '' },
      terminate: byServer(1011, error('because')),
    },
  ],
  [
    'stop normal with a code',
    {
      websock: returns(stop('normal', 4001, 'state')),
      act: go,
      says: { code: 4001, reason: '' },
      terminate: byServer(4001, 'normal'),
    },
  ],
  [
    'stop with a code and a reason',
    {
      websock: returns(stop('because', [4002, 'grüße'], 'state')),
      act: go,
      says: { code: 4002, reason: 'grüße' },
      terminate: byServer(4002, error('because')),
    },
  ],
  [
    'stop shutdown, restart with a code: a reason like any other',
    {
      websock: returns(stop(['shutdown', 'restart'], [4003, null], 'state')),
      act: go,
      says: { code: 4003, reason: '' },
      terminate: byServer(4003, error(['shutdown', 'restart'])),
    },
  ],
  [
    'stop with last messages',
    {
      websock: returns(stop('normal', 1000, [text('a'), text('b')], 'state')),
      act: go,
      says: { code: 1000, reason: '' },
      terminate: byServer(1000, 'normal'),
    },
  ],
  [
    'a callback that throws',
    {
      websock: {
        ...echo,
        handleIn: () => {
          throw boom;
        },
      },
      act: go,
      says: { code: 1011, reason: '' },
      terminate: byServer(1011, error(boom)),
    },
  ],
  [
    'a callback that rejects',
    {
      websock: { ...echo, handleIn: () => Promise.reject(boom) },
      act: go,
      says: { code: 1011, reason: '' },
      terminate: byServer(1011, error(boom)),
    },
  ],
  [
    'a callback with a bad result',
    {
      websock: returns(['pusch', text('a'), 'state'] as never),
      act: go,
      says: { code: 1011, reason: '' },
      terminate: byServer(1011, error(expect.objectContaining({ code: 'WEBSOCK_RESULT' }))),
    },
  ],
  [
    'the client’s close frame',
    {
      act: (client) => client.close(4000, 'bye'),
      says: { code: 4000, reason: 'bye' },
      terminate: { code: 4000, reason: 'remote', initiator: 'client' },
    },
  ],
  [
    'the client’s close frame without a code',
    {
      act: (client) => client.close(),
      says: NOTHING,
      terminate: { code: 1005, reason: 'remote', initiator: 'client' },
    },
  ],
  [
    'no data from the client',
    {
      options: { timeout: 100, heartbeat: false },
      act: () => {},
      says: { code: 1001, reason: '' },
      terminate: byServer(1001, 'timeout'),
    },
  ],
  [
    'the server’s shutdown',
    {
      act: (_client, host) => void host.websockets.close(),
      says: { code: 1012, reason: '' },
      terminate: byServer(1012, 'shutdown'),
    },
  ],
  [
    'the server’s shutdown with a code of its own',
    {
      options: { drainer: { code: 4100 } },
      act: (_client, host) => void host.websockets.close(),
      says: { code: 4100, reason: '' },
      terminate: byServer(4100, 'shutdown'),
    },
  ],
  [
    'a protocol violation',
    {
      act: (client) => client.send({ opcode: OPCODE.text, mask: false }),
      says: { code: 1002, reason: '' },
      terminate: byServer(1002, violation(1002)),
    },
  ],
  [
    'invalid UTF-8 in text',
    {
      act: (client) => client.text(Buffer.of(255)),
      says: { code: 1007, reason: '' },
      terminate: byServer(1007, violation(1007)),
    },
  ],
  [
    'invalid UTF-8 in a close reason',
    {
      act: (client) => client.close(1000, Buffer.of(255)),
      says: { code: 1007, reason: '' },
      terminate: byServer(1007, violation(1007)),
    },
  ],
  [
    'too many fragments',
    {
      act: (client) => {
        client.send({ fin: false, opcode: OPCODE.text, payload: 'x' });
        const fragment = encodeFrame({ fin: false, opcode: OPCODE.continuation, payload: 'x' });
        client.write(Buffer.concat(Array.from({ length: 20_000 }, () => fragment)));
      },
      says: { code: 1008, reason: '' },
      terminate: byServer(1008, violation(1008)),
    },
  ],
  [
    'a message too big',
    {
      options: { maxMessageSize: 10 },
      act: (client) => client.text('x'.repeat(11)),
      says: { code: 1009, reason: '' },
      terminate: byServer(1009, violation(1009)),
    },
  ],
];

describe('an ending by', () => {
  it.each(causes)('%s', async (_, { websock, options, act, says, terminate }) => {
    const host = await serve(websock ?? echo, options);
    const client = await host.open();
    act(client, host);
    expect(await farewell(client)).toEqual(says);
    expect(host.ended.all).toEqual([
      {
        reason: terminate.reason,
        state: 'state',
        facts: { code: terminate.code, reason: says.reason, initiator: terminate.initiator },
      },
    ]);
    expect(host.websockets.connections.list()).toEqual([]);
    await settled(() => host.tcpConnections, 10);
  });
});

describe('terminate', () => {
  it('runs before the close frame is sent', async () => {
    const gate = new Gate();
    const host = await serve({ ...echo, terminate: () => gate.passed });
    const client = await host.open();
    const closing = host.websockets.close();
    await host.ended.next();
    expect(await client.until(() => client.frames.length > 0, 50)).toBe(false);
    gate.open();
    await farewell(client);
    client.end();
    await closing;
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
    ['returns nonsense', () => ['stop', 'normal', 4999, null]],
  ])('that %s leaves the close code alone, and is not called again', async (_, terminate) => {
    const host = await serve({ ...echo, terminate });
    const client = await host.open();
    client.close(4000);
    expect((await farewell(client)).code).toBe(4000);
    expect(host.ended.all).toHaveLength(1);
  });

  it('gets the newest applied state, also after a crash', async () => {
    const counts: WebSock<number> = {
      init: () => ok(0),
      handleIn([, data], n) {
        if (data === 'crash') throw boom;
        return ok(n + 1);
      },
    };
    const host = await serve(counts);
    const client = await host.open();
    for (const word of ['a', 'b', 'crash', 'c']) client.text(word);
    await farewell(client);
    expect(host.ended.all.map(({ state }) => state)).toEqual([2]);
  });

  it('starts when a stop’s last messages are all handed over', async () => {
    const order: string[] = [];
    const websock: WebSock = {
      handleIn: (_message, state, connection) => {
        connection.signal.addEventListener('abort', () => order.push('decided'));
        return stop(
          'normal',
          1000,
          Array.from({ length: 200 }, () => binary(Buffer.alloc(65_536))),
          state,
        );
      },
      terminate: () => void order.push('terminate'),
    };
    const host = await serve(websock);
    const client = await host.open();
    client.socket.pause();
    client.text('go');
    await settled(() => host.bytesWritten, 100);
    expect(order).toEqual(['decided']);
    client.socket.resume();
    await farewell(client);
    expect(client.frames).toHaveLength(201);
    expect(order).toEqual(['decided', 'terminate']);
  });
});

describe('init', () => {
  it.each<[string, () => HandleResult<unknown> | Promise<HandleResult<unknown>>]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
    ['returns a bad result', () => ['ok'] as never],
  ])('that %s closes with 1011, without terminate', async (_, init) => {
    const host = await serve({ init });
    const client = await host.open();
    client.text('never handled');
    expect(await farewell(client)).toEqual({ code: 1011, reason: '' });
    expect(host.ended.all).toEqual([]);
    expect(host.websockets.connections.list()).toEqual([]);
  });

  it('that stops ends like any other: what waits is dropped', async () => {
    const handled: unknown[] = [];
    const websock: WebSock<string> = {
      init: () => stop('normal', 4000, text('no'), 'state'),
      handleIn: (message, state) => (handled.push(message), ok(state)),
    };
    const host = await serve(websock);
    const client = await host.open({}, encodeFrame({ opcode: OPCODE.text, payload: 'early' }));
    expect(await client.nextText()).toBe('no');
    expect((await farewell(client)).code).toBe(4000);
    expect(host.ended.all).toMatchObject([{ reason: 'normal', state: 'state' }]);
    expect(handled).toEqual([]);
  });
});

describe('of two causes the first wins:', () => {
  it('a stop before the client’s close', async () => {
    const gate = new Gate();
    const host = await serve({
      handleIn: (_message, state) => stop('normal', 4001, state),
      terminate: () => gate.passed,
    });
    const client = await host.open();
    client.text('go');
    await host.ended.next();
    client.close(4002);
    await settled(() => host.bytesRead, 20);
    gate.open();
    expect(await client.nextClose()).toEqual({ code: 4001, reason: '' });
    expect(await client.ended()).toBe('fin');
    expect(host.ended.all).toHaveLength(1);
  });

  it('a violation before the stop of a message behind it', async () => {
    const host = await serve({ ...echo, handleIn: (_message, state) => stop('normal', 4001, state) });
    const client = await host.open();
    client.send({ opcode: OPCODE.text, mask: false }, { opcode: OPCODE.text });
    expect((await farewell(client)).code).toBe(1002);
  });

  it('the client’s close before the stop of a callback that runs', async () => {
    const [started, gate] = [new Log<void>(), new Gate()];
    const host = await serve({
      async handleIn(_message, state) {
        started.add();
        await gate.passed;
        return stop('normal', 4001, state);
      },
    });
    const client = await host.open();
    client.text('go');
    await started.next();
    client.close(4002);
    await settled(() => host.bytesRead, 20);
    gate.open();
    expect((await farewell(client)).code).toBe(4002);
    expect(host.ended.all).toMatchObject([{ reason: 'remote' }]);
  });

  it('a stop before the shutdown', async () => {
    const gate = new Gate();
    const host = await serve({
      handleIn: (_message, state) => stop('normal', 4001, state),
      terminate: () => gate.passed,
    });
    const client = await host.open();
    client.text('go');
    await host.ended.next();
    const closed = host.websockets.close();
    gate.open();
    expect((await farewell(client)).code).toBe(4001);
    client.end();
    await closed;
  });
});

describe('a shutdown', () => {
  it('refuses new upgrades with 503', async () => {
    const host = await serve(echo);
    await host.websockets.close();
    const client = await host.open();
    expect(client.status).toBe(503);
    expect(await client.ended()).toBe('fin');
  });

  it('refuses with 503 what is still being decided', async () => {
    const asked = new Log<void>();
    const host = await serve(echo, {}, () => asked.add());
    const opening = host.open();
    await asked.next();
    await host.websockets.close();
    expect((await opening).status).toBe(503);
  });

  it('handles what was received, and drops what comes later', async () => {
    const [started, gate] = [new Log<void>(), new Gate()];
    const host = await serve({
      async handleIn(message, state) {
        started.add();
        await gate.passed;
        return push(message, state);
      },
    });
    const client = await host.open();
    for (const word of ['a', 'b']) client.text(word);
    await started.next();
    await settled(() => host.bytesRead, 20);
    const closed = host.websockets.close();
    client.text('late');
    await settled(() => host.bytesRead, 20);
    gate.open();
    expect([await client.nextText(), await client.nextText()]).toEqual(['a', 'b']);
    expect((await farewell(client)).code).toBe(1012);
    client.end();
    await closed;
  });

  it('tells connections in batches, oldest first', async () => {
    const host = await serve(echo, { drainer: { batchSize: 2, batchInterval: 150 } });
    const clients: RawClient[] = [];
    for (let i = 0; i < 5; i++) clients.push(await host.open());
    const begin = performance.now();
    const closed = host.websockets.close();
    const at = await Promise.all(
      clients.map(async (client) => {
        await farewell(client);
        client.end();
        return performance.now() - begin;
      }),
    );
    await closed;
    expect(at.map((ms) => Math.floor(ms / 150))).toEqual([0, 0, 1, 1, 2]);
  });
});
