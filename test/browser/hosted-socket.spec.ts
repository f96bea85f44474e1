import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Module } from '@nestjs/common';
import { OnSocket, WebSockHandler, WebSockModule, type HostedSocket } from '../../src/index.js';
import { describeInChromium } from '../support/chromium.js';
import { closeApps } from '../support/nest.js';
import { startPageApp } from '../support/page-app.js';
import { Pages } from '../support/pages.js';
import type * as websocket from './pages/websocket.js';

jest.setTimeout(60_000);

@WebSockHandler('echo', { compress: true })
class EchoHandler {
  @OnSocket()
  connected(socket: HostedSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }));
  }
}

@Module({ imports: [WebSockModule], providers: [EchoHandler] })
class EchoModule {}

describeInChromium('a hosted socket and headless Chromium', () => {
  let pages: Pages;

  beforeAll(async () => {
    pages = await Pages.launch();
  });
  afterEach(async () => {
    await pages?.leave();
    await closeApps();
  });
  afterAll(() => pages?.close());

  it.each(['express', 'fastify'] as const)('speak permessage-deflate on %s', async (platform) => {
    const app = await startPageApp(platform, [EchoModule]);
    const connections: Socket[] = [];
    app.app.getHttpServer().on('connection', (connection: Socket) => connections.push(connection));
    const host = `127.0.0.1:${app.port}`;
    const { script } = await pages.open<typeof websocket>(`http://${host}/page`, 'websocket');
    expect(await script.connect(`ws://${host}/echo`)).toMatch(/^permessage-deflate/);
    expect(await script.exchange(300_000)).toEqual([true, true]);
    const bytes = connections.flatMap(({ bytesRead, bytesWritten }) => [bytesRead, bytesWritten]);
    expect(Math.max(...bytes)).toBeLessThan(50_000);
  });

  it('refuse a page of another host, once the user has cookies', async () => {
    const app = await startPageApp('express', [EchoModule]);
    const connect = async (host: string, visited?: string) => {
      const page = await pages.open<typeof websocket>(
        `http://${host}:${app.port}/page`,
        'websocket',
        visited,
      );
      return page.script.connect(`ws://app.localhost:${app.port}/echo`);
    };
    expect(await connect('other.app.localhost')).toMatch(/^permessage-deflate/);
    expect(await connect('other.app.localhost', 'http://app.localhost')).toBe('the WebSocket failed');
    expect(await connect('app.localhost', 'http://app.localhost')).toMatch(/^permessage-deflate/);
  });
});
