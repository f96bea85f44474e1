import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createWebSocketStream } from 'ws';
import {
  hostSocket,
  upgrade,
  WebSockServer,
  type HostedSocket,
  type UpgradableRequest,
  type WebSockServerOptions,
} from '../../src/core.js';
import { Log } from '../support/log.js';
import { openSession, StreamClient } from '../support/stream-client.js';

let stop: () => Promise<void>;
afterEach(() => stop());

/** Gives the socket of each stream to the listener, and writes down what it emits at its end. */
async function serve(listener: (socket: HostedSocket) => void, options: WebSockServerOptions = {}) {
  const ends = new Log<unknown[]>();
  const websock = hostSocket((socket) => {
    socket.on('close', (code: number, reason: Buffer) => ends.add([code, reason.toString()]));
    listener(socket);
  });
  const server = http2.createServer((request, response) => {
    upgrade(request as unknown as UpgradableRequest, websock);
    response.end();
  });
  const websockets = new WebSockServer(options).attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = await openSession(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  stop = async () => {
    session.destroy();
    await websockets.close();
    await new Promise((resolve) => server.close(resolve));
  };
  return { ends, session, websockets };
}

const echo = (socket: HostedSocket) =>
  socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }));

describe('a hosted socket over HTTP/2 (RFC 8441)', () => {
  it('gives and sends messages, and hears of the client’s close', async () => {
    const { ends, session } = await serve(echo);
    const client = await StreamClient.open(session);
    client.text('grüß');
    expect(await client.nextText()).toBe('grüß');
    client.binary('bytes');
    expect(await client.nextFrame()).toMatchObject({ payload: Buffer.from('bytes') });
    client.close(4321, 'bye');
    expect(await ends.next()).toEqual([4321, 'bye']);
    expect(await client.nextClose()).toEqual({ code: 4321, reason: 'bye' });
  });

  it('closes with its own code, after what it has sent', async () => {
    const { ends, session } = await serve((socket) => {
      socket.send('last');
      socket.close(4000, 'done');
    });
    const client = await StreamClient.open(session);
    expect(await client.nextText()).toBe('last');
    expect(await client.nextClose()).toEqual({ code: 4000, reason: 'done' });
    expect(await ends.next()).toEqual([4000, 'done']);
  });

  it('ends its stream only when it is terminated, and hears of one that the client resets', async () => {
    const { ends, session } = await serve((socket) => {
      echo(socket);
      socket.on('ping', () => socket.terminate());
    });
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => StreamClient.open(session)));
    first!.ping();
    expect(await ends.next()).toEqual([1006, '']);
    second!.reset();
    expect(await ends.next()).toEqual([1006, '']);
    third!.text('still here');
    expect(await third!.nextText()).toBe('still here');
  });

  it('sends all that waits for a client that drains late, and calls back', async () => {
    const sent = new Log<number>();
    const { session } = await serve(
      (socket) => {
        for (let i = 0; i < 30; i++) socket.send(Buffer.alloc(100_000, i), () => sent.add(i));
        socket.close(4001);
      },
      { maxBufferedAmount: 200_000 },
    );
    const client = await StreamClient.open(session);
    for (let i = 0; i < 30; i++)
      expect((await client.nextFrame()).payload.equals(Buffer.alloc(100_000, i))).toBe(true);
    expect(await client.nextClose()).toEqual({ code: 4001, reason: '' });
    expect(sent.all).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('carries a stream of ws', async () => {
    const { session } = await serve((socket) => {
      const stream = createWebSocketStream(socket);
      stream.pipe(stream);
    });
    const client = await StreamClient.open(session);
    client.binary('there and back');
    expect(String((await client.nextFrame()).payload)).toBe('there and back');
  });

  it('hears of the shutdown', async () => {
    const { ends, session, websockets } = await serve(echo);
    const client = await StreamClient.open(session);
    const closed = websockets.close();
    expect(await client.nextClose()).toEqual({ code: 1012, reason: '' });
    expect(await ends.next()).toEqual([1012, '']);
    client.close(1012);
    client.end();
    await closed;
  });
});
