import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { upgrade, type WebSock } from '../../src/core.js';
import { serve, stopHosts, type Host } from '../support/host.js';
import { Log } from '../support/log.js';
import { settled } from '../support/timing.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => ['push', message, state] };

/** An ordinary app: answers with what it got. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { upgrade, connection } = request.headers;
  response.setHeader('Content-Type', 'application/json');
  response.end(
    JSON.stringify({ method: request.method, body: String(Buffer.concat(chunks)), upgrade, connection }),
  );
}

async function dial(host: Host): Promise<Socket> {
  const socket = connect(host.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function nextAnswer(socket: Socket): Promise<{ head: string; body: any }> {
  let text = '';
  while (!text.endsWith('}')) text += String((await once(socket, 'data'))[0]);
  const [head, body] = text.split('\r\n\r\n');
  return { head: head!, body: JSON.parse(body!) };
}

describe('a request that asks for another protocol (RFC 9110 §7.8)', () => {
  const post = [
    'POST /things HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade, HTTP2-Settings, keep-alive',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
    'Content-Length: 11',
    '',
    'hello ',
  ].join('\r\n');

  it('is an ordinary request, body and all, and the connection ends with its answer', async () => {
    const host = await serve(echo, { upgradeTimeout: 50 }, answer);
    const socket = await dial(host);
    socket.write(post);
    socket.write('world');
    const first = await nextAnswer(socket);
    expect(first.head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(first.body).toEqual({ method: 'POST', body: 'hello world', connection: 'close' });
    await once(socket, 'end');
    socket.destroy();
  });

  it('waits for the answer to the request before it', async () => {
    const host = await serve(echo, {}, answer);
    const socket = await dial(host);
    socket.write(`GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n${post}world`);
    let text = '';
    while (!text.includes('hello world')) text += String((await once(socket, 'data'))[0]);
    expect(text.match(/"method":"\w+"/g)).toEqual(['"method":"GET"', '"method":"POST"']);
    socket.destroy();
  });

  it('is one connection to those who count them', async () => {
    const host = await serve(echo, {}, answer);
    let connections = 0;
    host.server.on('connection', () => connections++);
    const socket = await dial(host);
    socket.write(`${post}world`);
    await nextAnswer(socket);
    expect(connections).toBe(1);
    socket.destroy();
  });

  it.each([
    ['another protocol', 'h2c'],
    ['a WebSocket', 'websocket'],
  ])('hides no second request for %s behind more headers than Node keeps: 431', async (_, protocol) => {
    const paths: string[] = [];
    const host = await serve(echo, {}, (request, response) => {
      paths.push(request.url!);
      response.end();
    });
    const socket = await dial(host);
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: evil\r\n\r\n';
    socket.write(
      `POST /shown HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
        'a: b\r\n'.repeat(1_100) +
        `Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    );
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 431 /);
    await once(socket, 'end');
    expect(paths).toEqual([]);
    socket.destroy();
  });
});

describe('a route that answers an upgrade request itself', () => {
  it('is drained to the end', async () => {
    const block = Buffer.alloc(65_536, 'x');
    const host = await serve(echo, {}, (_request, response) => {
      Readable.from(Array.from({ length: 100 }, () => block)).pipe(response);
    });
    const client = await dial(host);
    client.write('GET /big HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    let received = 0;
    client.on('data', (chunk: Buffer) => (received += chunk.length));
    await once(client, 'end');
    expect(received).toBeGreaterThan(100 * 65_536);
    client.destroy();
  });

  it('is told when the client leaves, whatever it sent behind the request', async () => {
    const closed = new Log<string>();
    const host = await serve(echo, {}, (request, response) => {
      request.once('close', () => closed.add('request'));
      response.once('close', () => closed.add('response'));
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n');
    });
    const client = await dial(host);
    client.write('GET /sse HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    client.write(Buffer.alloc(200_000));
    await once(client, 'data');
    client.resetAndDestroy();
    expect([await closed.next(), await closed.next()].sort()).toEqual(['request', 'response']);
    await settled(() => host.tcpConnections, 30);
    expect(host.tcpConnections).toBe(0);
  });

  it('is bounded by upgradeTimeout when it upgrades, begins an answer and does not end it', async () => {
    const host = await serve(echo, { upgradeTimeout: 100 }, (request, response, websock) => {
      upgrade(request, websock);
      response.flushHeaders();
    });
    const client = await host.open();
    expect(client.status).toBe(503);
    expect(await client.ended()).toBe('fin');
  });
});

describe('a header of the app on the 101', () => {
  it('is latin1, as on any other response (RFC 9110 §5.5)', async () => {
    const host = await serve(echo, {}, (request, response, websock) => {
      response.setHeader('X-Name', 'Zo\u00eb');
      upgrade(request, websock);
      response.end();
    });
    const client = await host.open();
    expect([client.status, client.header('x-name')]).toEqual([101, 'Zo\u00eb']);
    client.text('é');
    expect(await client.nextText()).toBe('é');
  });
});
