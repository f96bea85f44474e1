import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import {
  type Connection,
  Connections,
  type DataMessage,
  OnIn,
  OnInfo,
  OnInit,
  push,
  text,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
} from '../../src/index.js';
import { LogLines } from '../support/log-lines.js';
import { bootError, closeApps, eachPlatform, NestApp, startApp } from '../support/nest.js';
import { RawClient } from '../support/raw-client.js';

class Echo {
  @OnInit()
  init(_argument: unknown, { ref }: Connection) {
    return push(text(ref), undefined);
  }

  @OnIn()
  echo(message: DataMessage, state: undefined) {
    return push(message, state);
  }

  @OnInfo()
  info(message: string, state: undefined) {
    return push(text(message), state);
  }
}

@WebSockHandler('a')
class HandlerA extends Echo {}

@WebSockHandler('b', { maxMessageSize: 1_000 })
class HandlerB extends Echo {}

@Injectable()
class Announcer {
  constructor(private readonly connections: Connections) {}

  announce(message: string) {
    for (const ref of this.connections.list()) this.connections.sendInfo(ref, message);
  }
}

@Module({ imports: [WebSockModule], providers: [HandlerA] })
class ModuleA {}

@Module({ imports: [WebSockModule], providers: [HandlerB] })
class ModuleB {}

/** Imports nothing: the providers are global. */
@Module({ providers: [Announcer] })
class AnnouncerModule {}

@Injectable()
class Settings {
  readonly maxMessageSize = 10;

  create() {
    return { maxMessageSize: this.maxMessageSize };
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

eachPlatform('WebSockModule on %s', (platform) => {
  afterEach(closeApps);

  /** The code that a message of 11 bytes is closed with. */
  async function closeCodeOn(app: NestApp, path: string): Promise<unknown> {
    const client = await app.open(path);
    await client.nextText();
    client.text('12345678901');
    const frame = await client.nextFrame();
    return frame.opcode === 8 ? frame.payload.readUInt16BE(0) : frame.payload.toString();
  }

  it('works with forRoot in the root and bare in features; a handler option goes before the module default', async () => {
    const root = WebSockModule.forRoot({ maxMessageSize: 10 });
    const app = await startApp(platform, { imports: [ModuleA, root, ModuleB, AnnouncerModule] });
    expect(await closeCodeOn(app, '/a')).toBe(1009);
    expect(await closeCodeOn(app, '/b')).toBe('12345678901');
  });

  it.each([
    [
      'useFactory',
      { imports: [SettingsModule], inject: [Settings], useFactory: async (s: Settings) => s.create() },
    ],
    ['useClass', { useClass: Settings }],
    ['useExisting', { imports: [SettingsModule], useExisting: Settings }],
  ])('takes its options from forRootAsync with %s', async (_how, options) => {
    const app = await startApp(platform, { imports: [WebSockModule.forRootAsync(options), ModuleA] });
    expect(await closeCodeOn(app, '/a')).toBe(1009);
  });

  it('refuses a second forRoot', async () => {
    const error = await bootError(platform, {
      imports: [
        WebSockModule.forRoot({ timeout: 1_000 }),
        WebSockModule.forRootAsync({ useFactory: () => ({}) }),
      ],
    });
    expect(error).toMatchObject({ code: 'WEBSOCK_SECOND_FOR_ROOT' });
  });

  it('provides Connections everywhere', async () => {
    const app = await startApp(platform, { imports: [ModuleA, AnnouncerModule] });
    const client = await app.open('/a');
    await client.nextText();
    app.app.get(Announcer, { strict: false }).announce('news');
    expect(await client.nextText()).toBe('news');
  });

  it('keeps two apps of one process apart', async () => {
    const one = await startApp(platform, { imports: [ModuleA] });
    const two = await startApp(platform, { imports: [ModuleA] });
    const client = await one.open('/a');
    const ref = await client.nextText();
    expect(two.app.get(Connections).list()).toEqual([]);
    two.app.get(Connections).sendInfo(ref, 'lost');
    await expect(two.app.get(Connections).call(ref, 'lost')).rejects.toMatchObject({
      code: 'WEBSOCK_CALL_UNKNOWN_REF',
    });
    await two.close();
    one.app.get(Connections).sendInfo(ref, 'found');
    expect(await client.nextText()).toBe('found');
  });

  it('works with app.init() alone, on a server that listens by itself', async () => {
    const app = await NestApp.create(platform, { imports: [ModuleA] });
    await app.app.init();
    if (platform === 'fastify') await app.app.getHttpAdapter().getInstance().ready();
    const server = app.app.getHttpServer() as Server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    expect((await app.open('/a')).status).toBe(101);
  });

  it('serves further HTTP servers', async () => {
    const app = await startApp(platform, { imports: [ModuleA] });
    const instance = app.app.getHttpAdapter().getInstance();
    const listener = platform === 'express' ? instance : instance.routing;
    const second = createServer((request, response) => listener(request, response));
    app.app.get(WebSockServer).attach(second);
    await new Promise<void>((resolve) => second.listen(0, '127.0.0.1', resolve));
    const client = await RawClient.open((second.address() as AddressInfo).port, { path: '/a' });
    expect(client.status).toBe(101);
    expect(app.app.get(Connections).list()).toEqual([await client.nextText()]);
    client.destroy();
    second.close();
  });

  it('works in a hybrid app', async () => {
    const app = await NestApp.create(platform, { imports: [ModuleA] });
    app.app.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP, options: { port: 0 } });
    await app.app.startAllMicroservices();
    await app.app.listen(0, '127.0.0.1');
    expect((await app.open('/a')).status).toBe(101);
  });
});

describe('WebSockModule without an HTTP server', () => {
  let log: LogLines;

  beforeEach(() => (log = new LogLines()));

  it('warns once in an application context', async () => {
    const context = await NestFactory.createApplicationContext(ModuleA, { logger: log });
    await context.close();
    expect(log.at('warn')).toEqual([expect.stringContaining('are not served: HandlerA')]);
  });

  it('warns once in a microservice', async () => {
    const options: MicroserviceOptions = { transport: Transport.TCP, options: { port: 0 } };
    const service = await NestFactory.createMicroservice<MicroserviceOptions>(ModuleA, {
      ...options,
      logger: log,
    });
    await service.init();
    await service.close();
    expect(log.at('warn')).toEqual([expect.stringContaining('are not served: HandlerA')]);
  });

  it('warns once in preview mode', async () => {
    const app = await NestFactory.create(ModuleA, { preview: true, logger: log });
    await app.init();
    await app.close();
    expect(log.at('warn')).toEqual(['In preview mode WebSocket handlers are not served']);
  });

  it('warns of nothing where there are no handlers', async () => {
    const module = await Test.createTestingModule({ imports: [WebSockModule] })
      .setLogger(log)
      .compile();
    await module.init();
    await module.close();
    expect(log.lines).toEqual([]);
  });
});
