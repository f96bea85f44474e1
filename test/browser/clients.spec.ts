import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ModuleMetadata } from '@nestjs/common';
import { AppModule as GraphqlModule } from '../../sample/graphql-ws/src/app.module.js';
import { AppModule as MqttModule } from '../../sample/mqtt/src/app.module.js';
import { AppModule as PhoenixModule } from '../../sample/phoenix-channels/src/app.module.js';
import { sign } from '../../sample/phoenix-channels/src/tokens.js';
import { AppModule as TrpcModule } from '../../sample/trpc/src/app.module.js';
import { Journal } from '../../sample/trpc/src/journal.js';
import { AppModule as YjsModule } from '../../sample/yjs/src/app.module.js';
import { describeInChromium } from '../support/chromium.js';
import { closeApps, type NestApp, type Platform } from '../support/nest.js';
import { replacePageApp, startPageApp } from '../support/page-app.js';
import { Pages, type ScriptedPage } from '../support/pages.js';
import type * as graphql from './pages/graphql-ws.js';
import type * as mqtt from './pages/mqtt.js';
import type * as phoenix from './pages/phoenix.js';
import type * as trpc from './pages/trpc.js';
import type * as yWebsocket from './pages/y-websocket.js';

jest.setTimeout(60_000);

/** What a page sees of a drain. */
const DRAINED = { code: 1012, reason: '', wasClean: true };

/** Ends an app, which its pages see, and starts the next one on its port. */
function drain(
  app: NestApp,
  opened: readonly Pick<ScriptedPage<unknown>, 'sockets'>[],
  platform: Platform,
  imports: ModuleMetadata['imports'],
  between: () => unknown = () => {},
): Promise<void> {
  return replacePageApp(app, platform, imports, async () => {
    for (const { sockets } of opened) expect(await sockets.nextClosed()).toEqual(DRAINED);
    await between();
  });
}

type Messages = Pick<ScriptedPage<unknown>, 'sent' | 'received'>;

const kindsOf = ({ sent, received }: Messages) =>
  new Set([...sent, ...received].map((data) => (typeof data === 'string' ? 'text' : 'binary')));

/** Whether the last binary message ends with these bytes. */
const carries = (messages: readonly (string | Buffer)[], bytes: Buffer) =>
  messages.findLast(Buffer.isBuffer)!.subarray(-bytes.length).equals(bytes);

describeInChromium('official clients in headless Chromium', () => {
  let pages: Pages;

  beforeAll(async () => {
    pages = await Pages.launch();
  });
  afterEach(async () => {
    await pages?.leave();
    await closeApps();
  });
  afterAll(() => pages?.close());

  const open = <T>(app: NestApp, script: string) =>
    pages.open<T>(`http://127.0.0.1:${app.port}/page`, script);

  describe('phoenix', () => {
    async function enter(app: NestApp, user: string) {
      const page = await open<typeof phoenix>(app, 'phoenix');
      await page.script.join(sign(user), 'room:kitchen');
      expect(await page.script.nextJoin()).toEqual(['ok', { user }]);
      return page;
    }

    it('joins, pushes, is answered, hears the others', async () => {
      const app = await startPageApp('express', [PhoenixModule]);
      const [ada, bob] = [await enter(app, 'Ada'), await enter(app, 'Bob')];
      expect(await ada.script.present(2)).toEqual(['Ada', 'Bob']);
      expect(await ada.script.push('say', { text: 'soup' })).toEqual(['ok', { said: 1 }]);
      for (const { script } of [ada, bob])
        expect(await script.nextEvent()).toEqual(['said', { user: 'Ada', text: 'soup' }]);
      expect(await ada.script.push('say', {})).toEqual(['error', { reason: expect.any(String) }]);
    });

    it('pushes bytes, and gets bytes, in binary messages', async () => {
      const app = await startPageApp('fastify', [PhoenixModule]);
      const [ada, bob] = [await enter(app, 'Ada'), await enter(app, 'Bob')];
      const picture = Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251));
      const digest = createHash('sha256').update(picture).digest();
      expect(await ada.script.pushBytes('picture', [...picture])).toEqual(['ok', [...digest]]);
      expect(await bob.script.nextEvent()).toEqual(['picture', [...picture]]);
      expect(carries(ada.sent, picture)).toBe(true);
      expect(carries(ada.received, digest)).toBe(true);
      expect(carries(bob.received, picture)).toBe(true);
    });

    it('joins again at the next app after a drain', async () => {
      const app = await startPageApp('express', [PhoenixModule]);
      const ada = await enter(app, 'Ada');
      const { script } = ada;
      await drain(app, [ada], 'express', [PhoenixModule]);
      expect(await script.nextJoin()).toEqual(['ok', { user: 'Ada' }]);
      expect(await script.push('say', { text: 'back' })).toEqual(['ok', { said: 1 }]);
      expect(await script.nextEvent()).toEqual(['said', { user: 'Ada', text: 'back' }]);
    });
  });

  describe('graphql-ws', () => {
    async function visit(app: NestApp, voter: string, stubborn?: boolean) {
      const page = await open<typeof graphql>(app, 'graphql-ws');
      await page.script.connect(`ws://127.0.0.1:${app.port}/graphql/lunch?as=${voter}`, stubborn);
      return page;
    }
    const vote = (choice: string) => `mutation { vote(choice: "${choice}") { votes } }`;

    it('queries, votes, hears the votes of others, in text messages', async () => {
      const app = await startPageApp('fastify', [GraphqlModule]);
      const [ada, bob] = [await visit(app, 'Ada'), await visit(app, 'Bob')];
      await ada.script.follow();
      expect(await ada.script.nextTally()).toEqual([]);
      expect(await ada.script.ask('{ me }')).toEqual({ data: { me: 'Ada' } });
      expect(await bob.script.ask(vote('soup'))).toEqual({ data: { vote: [{ votes: 1 }] } });
      expect(await ada.script.nextTally()).toEqual([{ choice: 'soup', votes: 1 }]);
      expect(kindsOf(ada)).toEqual(new Set(['text']));
    });

    it('subscribes again at the next app after a drain', async () => {
      const app = await startPageApp('express', [GraphqlModule]);
      const ada = await visit(app, 'Ada');
      const { script } = ada;
      await script.follow();
      expect(await script.nextTally()).toEqual([]);
      await script.ask(vote('soup'));
      expect(await script.nextTally()).toEqual([{ choice: 'soup', votes: 1 }]);
      await drain(app, [ada], 'express', [GraphqlModule]);
      // It has votes of its own.
      expect(await script.nextTally()).toEqual([]);
      await script.ask(vote('bread'));
      expect(await script.nextTally()).toEqual([{ choice: 'bread', votes: 1 }]);
    });

    it('gives up, unless shouldRetry says otherwise, where the next app is not there yet', async () => {
      const app = await startPageApp('express', [GraphqlModule]);
      const { script, sockets } = await visit(app, 'Ada', false);
      await script.follow();
      expect(await script.nextTally()).toEqual([]);
      await app.close();
      expect(await sockets.nextClosed()).toEqual(DRAINED);
      expect(await script.nextTally()).toBe('given up');
    });
  });

  describe('@trpc/client', () => {
    async function visit(app: NestApp, name: string) {
      const page = await open<typeof trpc>(app, 'trpc');
      await page.script.connect(`ws://127.0.0.1:${app.port}/trpc?as=${name}`);
      return page;
    }

    it('queries, mutates, subscribes, in text messages', async () => {
      const app = await startPageApp('express', [TrpcModule.on(new Journal())]);
      const [ada, bob] = [await visit(app, 'Ada'), await visit(app, 'Bob')];
      expect(await ada.script.me()).toBe('Ada');
      await ada.script.follow();
      expect(await bob.script.write('hello')).toEqual({ id: 1, text: 'Bob: hello' });
      expect(await ada.script.nextEntry()).toEqual({ id: 1, text: 'Bob: hello' });
      expect(kindsOf(ada)).toEqual(new Set(['text']));
    });

    it('goes on at the next app behind the last entry after a drain, without a gap', async () => {
      const journal = new Journal();
      const app = await startPageApp('fastify', [TrpcModule.on(journal)]);
      const ada = await visit(app, 'Ada');
      const { script } = ada;
      await script.follow();
      journal.append('before');
      expect(await script.nextEntry()).toEqual({ id: 1, text: 'before' });
      await drain(app, [ada], 'fastify', [TrpcModule.on(journal)], () => journal.append('between'));
      await script.write('afterwards');
      expect(await script.nextEntry()).toEqual({ id: 2, text: 'between' });
      expect(await script.nextEntry()).toEqual({ id: 3, text: 'Ada: afterwards' });
    });
  });

  describe('mqtt', () => {
    async function connect(app: NestApp, device: string) {
      const page = await open<typeof mqtt>(app, 'mqtt');
      await page.script.connect(`ws://127.0.0.1:${app.port}/mqtt/${device}`, device);
      return page;
    }
    const bytes = [0, 1, 127, 128, 255];

    it('publishes and subscribes with each quality of service, in binary messages', async () => {
      const app = await startPageApp('express', [MqttModule]);
      const [hall, kitchen] = [await connect(app, 'hall'), await connect(app, 'kitchen')];
      await hall.script.subscribe('devices/#', 2);
      for (const qos of [0, 1, 2] as const) {
        await kitchen.script.publish('devices/kitchen/light', [...bytes, qos], qos);
        expect(await hall.script.nextMessage()).toEqual(['devices/kitchen/light', qos, [...bytes, qos]]);
      }
      expect(kindsOf(hall)).toEqual(new Set(['binary']));
    });

    it('comes back after a drain, subscribes again, and delivers what it was given meanwhile', async () => {
      const app = await startPageApp('express', [MqttModule]);
      const [hall, kitchen] = [await connect(app, 'hall'), await connect(app, 'kitchen')];
      await hall.script.subscribe('devices/#', 1);
      await drain(app, [hall, kitchen], 'express', [MqttModule], () =>
        // Retained, for whichever of the two comes back first.
        kitchen.script.queue('devices/kitchen/light', bytes, 1, true),
      );
      await kitchen.script.delivered();
      expect(await hall.script.nextMessage()).toEqual(['devices/kitchen/light', 1, bytes]);
    });
  });

  describe('y-websocket', () => {
    async function edit(app: NestApp, user: string) {
      const page = await open<typeof yWebsocket>(app, 'y-websocket');
      await page.script.open(`ws://127.0.0.1:${app.port}/documents`, 'plan', user);
      return page;
    }

    it('writes in one document from two pages, in binary messages', async () => {
      const app = await startPageApp('fastify', [YjsModule]);
      const [ada, bob] = [await edit(app, 'Ada'), await edit(app, 'Bob')];
      await ada.script.write(0, 'soup');
      await bob.script.reads('soup');
      await bob.script.write(4, ' and bread');
      await ada.script.reads('soup and bread');
      for (const { script } of [ada, bob]) expect(await script.present(2)).toEqual(['Ada', 'Bob']);
      expect(kindsOf(ada)).toEqual(new Set(['binary']));
    });

    it('brings to the next app what was written before and meanwhile', async () => {
      const app = await startPageApp('express', [YjsModule]);
      const [ada, bob] = [await edit(app, 'Ada'), await edit(app, 'Bob')];
      await ada.script.write(0, 'soup');
      await bob.script.reads('soup');
      await drain(app, [ada, bob], 'express', [YjsModule], async () => {
        // The next one has nothing: they bring it.
        await ada.script.write(4, ' and bread');
        await bob.script.write(0, 'lunch: ');
      });
      for (const { script } of [ada, bob]) {
        await script.reads('lunch: soup and bread');
        expect(await script.present(2)).toEqual(['Ada', 'Bob']);
      }
    });
  });
});
