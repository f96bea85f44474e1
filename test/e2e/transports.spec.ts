import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnIn,
  OnInit,
  push,
  text,
  type DataMessage,
  type UpgradeRequest,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { eachPlatform } from '../support/nest.js';
import { RawClient, requestBytes } from '../support/raw-client.js';

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../support', name));
const https = { key: file('localhost.key.pem'), cert: file('localhost.cert.pem') };

@WebSockHandler('rooms/:room')
class RoomHandler {
  @OnInit()
  init({ params }: UpgradeRequest) {
    return push(text(`in ${params.room}`), undefined);
  }

  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@Controller()
class PlainController {
  @Get('plain')
  plain() {
    return 'plain';
  }

  /** Later than what is asked behind it. */
  @Get('slow')
  async slow() {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 'slow';
  }
}

@Module({ imports: [WebSockModule], controllers: [PlainController], providers: [RoomHandler] })
class AppModule {}

eachPlatform('on %s, a handler is served', (platform) => {
  let app: INestApplication | undefined;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await app?.close();
    app = undefined;
  });

  async function start(
    withTls: boolean,
    ...where: [number, string] | [string | { path: string }]
  ): Promise<void> {
    const options = { logger: false, ...(withTls && { httpsOptions: https }) } as const;
    const adapter =
      platform === 'express' ? new ExpressAdapter() : new FastifyAdapter(withTls ? { https } : {});
    app = await NestFactory.create(AppModule, adapter, options);
    await app.listen(...(where as [number, string]));
  }

  const port = () => (app!.getHttpServer().address() as AddressInfo).port;

  async function dial(socket: Socket, connected: string): Promise<RawClient> {
    const client = RawClient.on(socket);
    clients.push(client);
    await once(socket, connected);
    return client;
  }

  async function converse(client: RawClient): Promise<void> {
    expect(await client.nextText()).toBe('in a');
    client.text('hello');
    expect(await client.nextText()).toBe('hello');
    client.binary(Buffer.alloc(300_000, 'x'));
    expect((await client.nextFrame()).payload.length).toBe(300_000);
    client.close(1000);
    expect(await client.nextClose()).toMatchObject({ code: 1000 });
    client.end();
    expect(await client.ended()).toBe('fin');
  }

  it('over TLS', async () => {
    await start(true, 0, '127.0.0.1');
    const socket = connectTls({ port: port(), host: '127.0.0.1', rejectUnauthorized: false });
    const client = await dial(socket, 'secureConnect');
    await client.request({ path: '/rooms/a' });
    expect(client.status).toBe(101);
    await converse(client);
  });

  it('over TLS, where a refusal is an HTTP response', async () => {
    await start(true, 0, '127.0.0.1');
    const socket = connectTls({ port: port(), host: '127.0.0.1', rejectUnauthorized: false });
    const client = await dial(socket, 'secureConnect');
    await client.request({ path: '/nowhere' });
    expect(await client.ended()).toBe('fin');
    expect([client.status, JSON.parse(client.body).statusCode]).toEqual([404, 404]);
  });

  it('over a unix socket', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'websock-'));
    try {
      const file = path.join(folder, 'app.sock');
      // On Fastify, Nest 11 takes no string.
      await start(false, platform === 'express' ? file : { path: file });
      const client = await dial(connect(file), 'connect');
      await client.request({ path: '/rooms/a' });
      expect(client.status).toBe(101);
      await converse(client);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('on a kept connection, behind ordinary requests', async () => {
    await start(false, 0, '127.0.0.1');
    const client = await dial(connect(port(), '127.0.0.1'), 'connect');
    for (let i = 0; i < 3; i++) {
      client.status = 0;
      client.body = '';
      client.write('GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await client.until(() => client.body === 'plain', 5_000);
      expect([client.status, client.body, client.tcpEnd]).toEqual([200, 'plain', 'open']);
    }
    await client.request({ path: '/rooms/a' });
    expect(client.status).toBe(101);
    await converse(client);
  });

  it('behind pipelined requests, answered in order, with frames in the same packet', async () => {
    await start(false, 0, '127.0.0.1');
    const socket = connect({ port: port(), host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.write(
      Buffer.concat([
        Buffer.from(
          'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\nGET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n',
        ),
        requestBytes({ path: '/rooms/a' }),
        encodeFrame({ opcode: OPCODE.text, payload: 'early' }),
      ]),
    );
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    while (!answer.endsWith('early')) await once(socket, 'data');
    expect(answer).toMatch(
      /^HTTP\/1\.1 200 [^]*slow[^]*HTTP\/1\.1 200 [^]*plain[^]*HTTP\/1\.1 101 [^]*in a[^]*early$/,
    );
    socket.destroy();
  });
});
