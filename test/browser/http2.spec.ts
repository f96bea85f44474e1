import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Controller, Get, Header, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Browser, Page } from 'playwright-core';
import { OnIn, push, stop, WebSockHandler, WebSockModule, type DataMessage } from '../../src/index.js';
import { describeInChromium, launchChromium } from '../support/chromium.js';

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../support', name));
const https = { key: file('localhost.key.pem'), cert: file('localhost.cert.pem'), allowHTTP1: true };

/** Which version of HTTP the upgrades came by. */
const versions: string[] = [];

@WebSockHandler('echo', { compress: true })
class EchoHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return message[1] === 'stop' ? stop('done', [4321, 'enough'], state) : push(message, state);
  }
}

@Controller()
class PageController {
  @Get()
  @Header('Content-Type', 'text/html')
  page() {
    return '<!doctype html><title>page</title>';
  }
}

@Module({ imports: [WebSockModule], controllers: [PageController], providers: [EchoHandler] })
class AppModule {}

/** A WebSocket's URL, and a text or a number of bytes. */
type Sent = [url: string, message: string | number];

/** What runs in the page: sends one message, and tells what came back. */
function exchange([url, message]: Sent): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () =>
      socket.send(
        typeof message === 'string' ? message : Uint8Array.from({ length: message }, (_, i) => i % 251),
      );
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') resolve(data);
      else {
        const bytes = new Uint8Array(data as ArrayBuffer);
        resolve([bytes.length, bytes.every((byte, i) => byte === i % 251)]);
      }
      socket.close();
    };
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
    socket.onerror = () => reject(new Error('the WebSocket failed'));
  });
}

describeInChromium('headless Chromium on HTTP/2', () => {
  let app: INestApplication;
  let browser: Browser;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create(AppModule, new FastifyAdapter({ http2: true, https } as object), {
      logger: false,
    });
    app.use((request: { httpVersion: string; url: string }, _response: unknown, next: () => void) => {
      if (request.url === '/echo') versions.push(request.httpVersion);
      next();
    });
    await app.listen(0, '127.0.0.1');
    browser = await launchChromium();
    page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const host = `127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
    url = `wss://${host}/echo`;
    await page.goto(`https://${host}/`);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await app?.close();
  });

  it('page protocol: h2', async () => {
    // As text: the page's `performance` is not Node's.
    const protocol = await page.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`);
    expect(protocol).toBe('h2');
  });

  it('text', async () => {
    expect(await page.evaluate(exchange, [url, 'héllo'] as Sent)).toBe('héllo');
  });

  it('300 kB binary', async () => {
    expect(await page.evaluate(exchange, [url, 300_000] as Sent)).toEqual([300_000, true]);
  });

  it('the close code is seen by the page', async () => {
    expect(await page.evaluate(exchange, [url, 'stop'] as Sent)).toEqual({
      code: 4321,
      reason: 'enough',
      wasClean: true,
    });
  });

  it('the sockets of the page were streams of its session', () => {
    expect(new Set(versions)).toEqual(new Set(['2.0']));
  });
});
