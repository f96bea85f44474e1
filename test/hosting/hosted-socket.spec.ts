import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';
import { hostSocket, type HostedSocket, type WebSock } from '../../src/core.js';
import { serve, stopHosts } from '../support/host.js';
import { Log } from '../support/log.js';
import { UwsHost } from '../support/uws-host.js';

const uwsHosts: UwsHost[] = [];

afterEach(async () => {
  await stopHosts();
  for (const host of uwsHosts.splice(0)) await host.stop();
});

/** What a server library sees: a socket of ws, or one of ours. */
type Socket = WebSocket & HostedSocket;
type Listener = (socket: Socket, log: (...line: unknown[]) => void) => unknown;
type Play = (client: WebSocket) => Promise<unknown>;

/** Serves a `WebSock` on a port. */
type Serve = (websock: WebSock<any, any, any>) => Promise<number>;

const onNode: Serve = async (websock) => (await serve(websock)).port;
const onUws: Serve = async (websock) => {
  const host = await UwsHost.start(websock);
  uwsHosts.push(host);
  return host.number;
};
const SERVERS: [name: string, Serve][] = [
  ['node:http', onNode],
  ['uWebSockets.js', onUws],
];

async function onOurs(serve: Serve, listener: Listener, play: Play): Promise<unknown[][]> {
  const log = new Log<unknown[]>();
  const closed = new Log<void>();
  const port = await serve(
    hostSocket((socket) => {
      socket.on('close', () => closed.add());
      return listener(socket as Socket, (...line) => log.add(line));
    }),
  );
  await play(await open(port, log));
  await closed.next();
  return log.all;
}

async function onWs(listener: Listener, play: Play): Promise<unknown[][]> {
  const log = new Log<unknown[]>();
  const closed = new Log<void>();
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('close', () => closed.add());
    listener(socket as Socket, (...line) => log.add(line));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await play(await open((server.address() as AddressInfo).port, log));
    await closed.next();
  } finally {
    server.close();
  }
  return log.all;
}

/** A client whose messages and end are written down among what the server's side writes down. */
async function open(port: number, log: Log<unknown[]>): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  client.on('message', (data: Buffer, isBinary: boolean) =>
    log.add(['client got', data.toString('latin1'), isBinary]),
  );
  client.on('error', () => {});
  await once(client, 'open');
  return client;
}

const ended = (client: WebSocket) => once(client, 'close').then(([code, reason]) => [code, String(reason)]);

/** What each side has written down, in its order: the sides run in parallel. */
const sides = (lines: unknown[][]) => ({
  client: lines.filter(([who]) => who === 'client got'),
  server: lines.filter(([who]) => who !== 'client got' && who !== 'sent'),
  // Whether the next message has come by the time that one has left is the servers' business.
  sent: lines.filter(([who]) => who === 'sent'),
});

/** The same listener and the same client, here and on ws itself. */
async function expectAlikeOn(serve: Serve, listener: Listener, play: Play): Promise<unknown[][]> {
  const ours = await onOurs(serve, listener, play);
  expect(sides(ours)).toEqual(sides(await onWs(listener, play)));
  return ours;
}

describe.each(SERVERS)('on %s a hosted socket behaves as one of ws', (_name, serve) => {
  const expectAlike = (listener: Listener, play: Play) => expectAlikeOn(serve, listener, play);

  it('gives text and binary messages as buffers, and sends all kinds of data', async () => {
    const lines = await expectAlike(
      (socket, log) => {
        log(socket.readyState, socket.protocol, socket.bufferedAmount, socket.binaryType, socket.isPaused);
        socket.on('message', (data: Buffer, isBinary: boolean) => {
          log('message', Buffer.isBuffer(data), data.toString(), isBinary);
          socket.send(data, { binary: isBinary });
          socket.send(data);
          socket.send('text');
          socket.send(7 as never);
          socket.send(new Uint16Array([0x4142]));
          socket.send(new Uint8Array([1, 2, 3]).buffer);
          socket.send('as bytes', { binary: true }, (error) => log('sent', error?.message));
          if (isBinary) socket.close(4000, 'done');
        });
        socket.on('close', (code: number, reason: Buffer) => log('close', code, reason.toString()));
      },
      async (client) => {
        client.send('grüß');
        client.send(Buffer.from('bytes'));
        expect(await ended(client)).toEqual([4000, 'done']);
      },
    );
    expect(lines).toContainEqual(['message', true, 'bytes', true]);
    expect(lines.filter(([who]) => who === 'client got')).toHaveLength(14);
  });

  it('tells of the client’s close, and that nothing can be sent any more', async () => {
    await expectAlike(
      (socket, log) => {
        socket.on('close', (code: number, reason: Buffer) => {
          log('close', code, reason.toString(), socket.readyState);
          socket.send('too late', (error) => log('callback', error?.message));
          socket.close(1000);
          socket.terminate();
        });
      },
      async (client) => {
        client.close(4321, 'bye');
        await ended(client);
      },
    );
  });

  // engine.io and others look there.
  it('tells the client’s address in _socket', async () => {
    const lines = await expectAlike(
      (socket, log) => {
        log('address', socket._socket.remoteAddress);
        socket.close();
      },
      (client) => ended(client),
    );
    expect(lines).toContainEqual(['address', '127.0.0.1']);
  });

  it('ends without a close frame when it is terminated', async () => {
    await expectAlike(
      (socket, log) => {
        socket.on('close', (code: number, reason: Buffer) => log('close', code, reason.toString()));
        socket.on('message', () => socket.terminate());
      },
      async (client) => {
        client.send('go');
        expect(await ended(client)).toEqual([1006, '']);
      },
    );
  });

  it('refuses close codes and reasons that may not be sent', async () => {
    await expectAlike(
      (socket, log) => {
        for (const [code, reason] of [[1005], [999], [5000], [1000, 'x'.repeat(124)]] as const)
          try {
            socket.close(code, reason);
            log('closed');
          } catch (error) {
            log((error as Error).constructor.name, socket.readyState);
          }
        socket.close(1001);
      },
      (client) => ended(client),
    );
  });

  it('is closed once: what comes after is not even looked at', async () => {
    await expectAlike(
      (socket, log) => {
        socket.on('close', (code: number, reason: Buffer) => {
          log('close', code, reason.toString());
          socket.close(9999);
        });
        socket.close(4000, 'first');
        socket.close(9999);
        socket.close(4001, 'x'.repeat(124));
      },
      async (client) => expect(await ended(client)).toEqual([4000, 'first']),
    );
  });

  it('sends an empty message for nothing, and no control frame of more than 125 bytes', async () => {
    const lines = await expectAlike(
      (socket, log) => {
        socket.send(undefined as never);
        socket.send(null as never);
        for (const opcode of ['ping', 'pong'] as const) {
          socket[opcode](null as never);
          try {
            socket[opcode]('x'.repeat(126));
          } catch (error) {
            log(opcode, (error as Error).constructor.name);
          }
        }
        socket.on('message', () => socket.close());
      },
      async (client) => {
        client.send('all has come');
        await ended(client);
      },
    );
    expect(sides(lines)).toMatchObject({
      client: [
        ['client got', '', true],
        ['client got', '', true],
      ],
      server: [
        ['ping', 'RangeError'],
        ['pong', 'RangeError'],
      ],
    });
  });

  it('knows which listeners are left after removeAllListeners', async () => {
    await expectAlike(
      (socket, log) => {
        const heard = ({ data }: { data: unknown }) => log('heard', data);
        socket.addEventListener('message', heard as never);
        socket.onmessage = heard as never;
        socket.removeAllListeners('message');
        log(socket.onmessage, socket.listenerCount('message'));
        socket.addEventListener('message', heard as never);
        socket.addEventListener('message', heard as never);
        socket.on('message', () => socket.close());
      },
      async (client) => {
        client.send('go');
        await ended(client);
      },
    );
  });

  it('hands events to addEventListener and to on… properties', async () => {
    await expectAlike(
      (socket, log) => {
        const heard = (event: { data: unknown; type: string; target: unknown }) =>
          log('heard', event.type, event.data, event.target === socket);
        socket.addEventListener('message', heard as never);
        socket.addEventListener('message', heard as never);
        socket.addEventListener('message', { handleEvent: heard } as never, { once: true });
        socket.onmessage = (({ data }: { data: unknown }) => {
          log('onmessage', data);
          if (data === 'first') return socket.removeEventListener('message', heard as never);
          socket.onmessage = null;
          return socket.close(4001, 'over');
        }) as never;
        socket.onclose = (({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) =>
          log('onclose', code, reason, wasClean)) as never;
      },
      async (client) => {
        client.send('first');
        client.send('second');
        await ended(client);
      },
    );
  });

  it('gives binary messages as binaryType says', async () => {
    await expectAlike(
      (socket, log) => {
        socket.binaryType = 'nonsense' as never;
        log(socket.binaryType);
        const types = ['arraybuffer', 'fragments', 'nodebuffer'] as const;
        let next = 0;
        socket.binaryType = types[next++]!;
        socket.on('message', (data: unknown, isBinary: boolean) => {
          const shape = Array.isArray(data) ? ['list', ...(data as Buffer[]).map(String)] : [];
          log(data instanceof ArrayBuffer, Buffer.isBuffer(data), ...shape, isBinary);
          if (next === types.length) socket.close();
          else socket.binaryType = types[next++]!;
        });
      },
      async (client) => {
        for (const word of ['one', 'two', 'three']) client.send(Buffer.from(word));
        await ended(client);
      },
    );
  });

  it('carries a stream of ws, there and back, with its end', async () => {
    const bytes = Buffer.alloc(300_000, 'stream');
    await expectAlike(
      (socket, log) => {
        const stream = createWebSocketStream(socket);
        stream.on('end', () => log('end'));
        stream.pipe(stream);
      },
      async (client) => {
        let received = 0;
        client.removeAllListeners('message');
        client.on('message', (data: Buffer) => {
          received += data.length;
          if (received === bytes.length) client.close();
        });
        for (let at = 0; at < bytes.length; at += 30_000) client.send(bytes.subarray(at, at + 30_000));
        await ended(client);
        expect(received).toBe(bytes.length);
      },
    );
  });
});

// What uWebSockets.js cannot do, as docs/uws.md says.
describe('on node:http a hosted socket behaves as one of ws', () => {
  it('gives pings and pongs, and sends its own', async () => {
    await expectAlikeOn(
      onNode,
      (socket, log) => {
        socket.on('ping', (data: Buffer) => log('ping', data.toString()));
        socket.on('pong', (data: Buffer) => {
          log('pong', data.toString());
          socket.pong('unasked');
          socket.close();
        });
      },
      async (client) => {
        const pongs: string[] = [];
        client.on('pong', (data) => {
          pongs.push(data.toString());
          if (pongs.length === 1) client.pong('mine');
        });
        client.ping('yours');
        expect(await ended(client)).toEqual([1005, '']);
        expect(pongs).toEqual(['yours', 'unasked']);
      },
    );
  });

  it('tells of a violation, and then of the end', async () => {
    await expectAlikeOn(
      onNode,
      (socket, log) => {
        socket.on('error', (error: Error) => log('error', error instanceof Error));
        // ws says 1006 here; a hosted socket says what its close frame said.
        socket.on('close', (code: number) => log('close', code === 1006 || code === 1007));
      },
      async (client) => {
        const closed = ended(client);
        // A text message that is no UTF-8, masked with zeros.
        (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
          Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]),
        );
        expect(await closed).toEqual([1007, '']);
      },
    );
  });
});

describe('a hosted socket', () => {
  it('holds messages back while it is paused, and gives them in order', async () => {
    const log = new Log<string>();
    const host = await serve(
      hostSocket((socket) => {
        socket.on('message', (data: Buffer) => {
          log.add(`${data.toString()} ${socket.isPaused}`);
          socket.pause();
          setImmediate(() => {
            log.add('resumes');
            socket.resume();
          });
        });
      }),
    );
    const client = await open(host.port, new Log());
    for (const word of ['first', 'second', 'third']) client.send(word);
    const lines = [];
    while (lines.length < 6) lines.push(await log.next());
    expect(lines).toEqual(['first false', 'resumes', 'second false', 'resumes', 'third false', 'resumes']);
  });

  it('answers while its messages are held back', async () => {
    const host = await serve(
      hostSocket((socket) => {
        socket.on('message', () => {
          socket.pause();
          setImmediate(() => socket.send('answer'));
        });
      }),
    );
    const log = new Log<unknown[]>();
    const client = await open(host.port, log);
    client.send('question');
    expect(await log.next()).toEqual(['client got', 'answer', false]);
  });

  it('is never awaited: a listener may answer whenever it likes', async () => {
    const host = await serve(
      hostSocket(async (socket) => {
        const [question] = (await once(socket, 'message')) as [Buffer];
        socket.send(`asked ${question.toString()}`);
        await new Promise(() => {});
      }),
    );
    const log = new Log<unknown[]>();
    const client = await open(host.port, log);
    client.send('one');
    expect(await log.next()).toEqual(['client got', 'asked one', false]);
  });

  it.each([
    [
      'throws',
      () => (): void => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => () => Promise.reject(new Error('broken'))],
    [
      'rejects while the socket is paused',
      () => (socket: HostedSocket) => {
        socket.pause();
        return Promise.reject(new Error('broken'));
      },
    ],
    [
      'rejects by something like a promise',
      () => () => ({ then: (_: unknown, rejected: (error: Error) => void) => rejected(new Error('broken')) }),
    ],
  ])('closes with 1011 when its listener %s', async (_how, make) => {
    const host = await serve(hostSocket(make()));
    const client = new WebSocket(`ws://127.0.0.1:${host.port}`);
    expect((await ended(client))[0]).toBe(1011);
  });

  it('closes with 1011 when a listener of its events throws, and tells the others of the end', async () => {
    const codes = new Log<number>();
    const host = await serve(
      hostSocket((socket) => {
        socket.on('close', (code: number) => codes.add(code));
        socket.on('message', () => {
          throw new Error('broken');
        });
      }),
    );
    const client = await open(host.port, new Log());
    client.send('go');
    expect(await ended(client)).toEqual([1011, '']);
    expect(await codes.next()).toBe(1011);
    expect((await host.ended.next()).reason).toEqual([
      'error',
      expect.objectContaining({ message: 'broken' }),
    ]);
  });

  it('gives nothing to listeners once its own listener has rejected', async () => {
    const heard = new Log<string>();
    const arrived = new Log<void>();
    let reject!: (error: Error) => void;
    const host = await serve(
      hostSocket((socket) => {
        socket.pause();
        socket.on('message', (data: Buffer) => heard.add(data.toString()));
        socket.on('close', (code: number) => heard.add(`close ${code}`));
        arrived.add();
        return new Promise((_, rejected) => (reject = rejected));
      }),
    );
    const client = await open(host.port, new Log());
    await arrived.next();
    client.send('held back');
    // Its pong comes behind what it has received.
    client.ping();
    await once(client, 'pong');
    reject(new Error('broken'));
    expect(await ended(client)).toEqual([1011, '']);
    expect(heard.all).toEqual(['close 1011']);
    expect((await host.ended.next()).reason).toEqual(['error', new Error('broken')]);
  });

  it('tells of the end also when a listener of the error throws', async () => {
    const codes = new Log<number>();
    const host = await serve(
      hostSocket((socket) => {
        socket.on('error', () => {
          throw new Error('broken');
        });
        socket.on('close', (code: number) => codes.add(code));
      }),
    );
    const client = await host.open();
    client.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]));
    expect(await codes.next()).toBe(1007);
  });

  it('hears of the shutdown', async () => {
    const codes = new Log<number>();
    const host = await serve(hostSocket((socket) => socket.on('close', (code: number) => codes.add(code))));
    const client = await open(host.port, new Log());
    const closed = ended(client);
    await host.websockets.close();
    expect(await closed).toEqual([1012, '']);
    expect(await codes.next()).toBe(1012);
  });

  it('sends what waits before it closes, and calls back when it has left', async () => {
    const sent: number[] = [];
    const host = await serve(
      hostSocket((socket) => {
        for (let i = 0; i < 50; i++) socket.send(Buffer.alloc(100_000, i), () => sent.push(i));
        socket.close(4002, 'all sent');
      }),
      { maxBufferedAmount: 400_000 },
    );
    const log = new Log<unknown[]>();
    const client = await open(host.port, log);
    expect(await ended(client)).toEqual([4002, 'all sent']);
    expect(log.all).toHaveLength(50);
    expect(sent).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it.each([
    ['messages wait', { maxBufferedAmount: 1_000_000, maxMailbox: 10 }],
    ['bytes wait', { maxBufferedAmount: 200_000, maxMailbox: 1_000 }],
  ])(
    'ends with 1013 when more %s for a client that does not read than may, and the callbacks hear of it',
    async (_what, limits) => {
      const errors = new Log<string | undefined>();
      const host = await serve(
        hostSocket((socket) => {
          for (let i = 0; i < 40; i++)
            socket.send(Buffer.alloc(1_000_000), (error) => errors.add(error?.message));
        }),
        { ...limits, closeTimeout: 100 },
      );
      const client = await open(host.port, new Log());
      client.pause();
      expect((await host.ended.next()).reason).toEqual(['error', 'overload']);
      const lines: (string | undefined)[] = [];
      while (lines.length < 40) lines.push(await errors.next());
      expect(lines.filter((line) => line !== undefined).length).toBeGreaterThan(25);
      client.terminate();
    },
  );

  it('shows the upgrade request as libraries look at one of Node’s', async () => {
    const seen = new Log<unknown>();
    const host = await serve(
      hostSocket((_socket, request) => {
        (request as { _query?: unknown })._query = 'own';
        seen.add([
          request.method,
          request.url,
          request.headers.host,
          request.socket.remoteAddress,
          request.query,
        ]);
      }),
    );
    const client = new WebSocket(`ws://127.0.0.1:${host.port}/room?a=1`);
    await once(client, 'open');
    expect(await seen.next()).toEqual([
      'GET',
      '/room?a=1',
      `127.0.0.1:${host.port}`,
      '127.0.0.1',
      { a: '1' },
    ]);
    client.terminate();
  });
});
