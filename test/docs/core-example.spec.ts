import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { compileWithSwc } from './compile.js';
import { link } from './link.js';
import { snippetsOf } from './pages.js';

describe("the README's example without Nest", () => {
  let server: http.Server;
  let port: number;

  beforeAll(async () => {
    const example = snippetsOf('README.md').find(({ code }) => code.includes('nestjs-websock/core'))!;
    const code = compileWithSwc(example, 'esm').replace('listen(3000)', 'listen(0)');
    const createServer = (listener: http.RequestListener) => (server = http.createServer(listener));
    const module = await link(code, example.where, { 'node:http': { createServer } });
    await module.evaluate();
    if (!server.listening) await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });

  afterAll(() => {
    server.close();
  });

  it('greets and echoes', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const [greeting] = (await once(socket, 'message')) as [Buffer];
    expect(greeting.toString()).toBe('hello');

    socket.send('a word');
    const [echo] = (await once(socket, 'message')) as [Buffer];
    expect(echo.toString()).toBe('a word');

    socket.close(1000);
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1000);
  });

  it('answers an ordinary request with 426', async () => {
    const { status, headers } = await fetch(`http://127.0.0.1:${port}/`);
    expect([status, headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});
