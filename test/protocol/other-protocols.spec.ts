import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSock } from '../../src/core.js';
import { serve, stopHosts, type Host } from '../support/host.js';

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

  it('is an ordinary request, body and all, and the connection goes on', async () => {
    const host = await serve(echo, { upgradeTimeout: 50 }, answer);
    const socket = await dial(host);
    socket.write(post);
    socket.write('world');
    const first = await nextAnswer(socket);
    expect(first.head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(first.body).toEqual({ method: 'POST', body: 'hello world', connection: 'keep-alive' });
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await nextAnswer(socket)).body).toMatchObject({ method: 'GET' });
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
});
