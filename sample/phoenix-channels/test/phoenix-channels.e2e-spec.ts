import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger, type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { connect } from 'nestjs-websock/testing';
import { WebSocket } from 'ws';
import { AppModule } from '../src/app.module.js';
import type { ChannelSocket } from '../src/channel-socket.js';
import { PhoenixChannel, type Channel, type ChannelResult } from '../src/channel.js';
import { Endpoint } from '../src/endpoint.js';
import type { Ref } from '../src/protocol.js';
import { sign } from '../src/tokens.js';
import {
  attended,
  client,
  connected,
  disconnectAll,
  joined,
  messages,
  next,
  present,
  replied,
} from './client.js';

const adapters = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

async function start(platform: keyof typeof adapters): Promise<INestApplication> {
  const module = await Test.createTestingModule({ imports: [AppModule], providers: [TestChannel] })
    .setLogger({ log() {}, warn() {}, error: (...line: unknown[]) => errors.push(line.join(' ')) })
    .compile();
  const app = module.createNestApplication(adapters[platform]());
  await app.listen(0);
  return app;
}

/** The client waits this long, in ms, for a reply that does not come. */
const UNANSWERED = 1;

/** Lines of the log. */
const errors: string[] = [];

/** What a room never does. The state counts what came. */
@PhoenixChannel('test:*')
class TestChannel implements Channel<number> {
  static ends: unknown[] = [];
  static told: unknown[] = [];
  static onEnd = () => {};
  /** Answers the last `ask`. */
  static answer = (_response: unknown) => {};

  join(topic: string, payload: { as?: string }) {
    if (payload.as === 'a crash') throw new Error('no join');
    if (payload.as === 'a mistake') return 'ok' as never;
    return topic === 'test:closed' ? (['error', { reason: 'closed' }] as const) : (['ok', 0] as const);
  }

  async handleIn(
    event: string,
    payload: any,
    count: number,
    socket: ChannelSocket,
    ref: Ref,
  ): Promise<ChannelResult<number>> {
    switch (event) {
      case 'count':
        return ['reply', ['ok', { count: count + 1 }], count + 1];
      case 'quiet':
        return ['noreply', count + 1];
      case 'push':
        return [
          'push',
          [
            ['first', { count }],
            ['second', payload],
          ],
          count + 1,
        ];
      case 'send':
        socket.send('later');
        return ['noreply', count];
      case 'ask':
        TestChannel.answer = (response) => socket.reply(ref, ['ok', response]);
        return ['noreply', count];
      case 'send and stop':
        socket.send('too late');
        return ['stop', 'normal', ['ok', { count }], count];
      case 'fail':
        return ['stop', 'bad luck', count];
      case 'cycle':
        return ['reply', ['ok', cyclic()], count];
      case 'mistake':
        return ['maybe', count] as never;
      default:
        throw new Error('no such event');
    }
  }

  handleInfo(message: unknown, count: number): ChannelResult<number> {
    TestChannel.told.push(message);
    return ['push', [['told', { message }]], count];
  }

  /** Says something to itself that is not to be heard: not by the next one either. */
  terminate(reason: unknown, count: number, { topic, send }: ChannelSocket) {
    send('too late');
    TestChannel.ends.push([topic, reason, count]);
    TestChannel.onEnd();
    if (topic === 'test:stubborn') throw new Error('will not go');
  }
}

function cyclic(): object {
  const it: { self?: object } = {};
  return (it.self = it);
}

describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    app = await start(platform);
    url = (await app.getUrl()).replace('http', 'ws');
  });

  afterAll(() => app.close());

  beforeEach(() => {
    TestChannel.ends = [];
    TestChannel.told = [];
    errors.length = 0;
  });

  afterEach(disconnectAll);

  describe('connect', () => {
    it.each([
      ['no token', 'vsn=2.0.0'],
      ['a wrong token', `vsn=2.0.0&token=${sign('Ada').slice(0, -1)}`],
      ['a wrong apikey', `vsn=2.0.0&apikey=${sign('Ada').slice(0, -1)}`],
      ['two tokens', `vsn=2.0.0&token=${sign('Ada')}&token=${sign('Ada')}`],
      ['another version', `vsn=1.0.0&token=${sign('Ada')}`],
      ['no version', `token=${sign('Ada')}`],
    ])('is refused with 403: %s', async (_what, query) => {
      await expect(connect(app, `/socket/websocket?${query}`)).rejects.toMatchObject({ status: 403 });
    });

    it('takes the token as a parameter', async () => {
      const socket = await connected(url, 'Ada');
      expect(await replied(socket.channel('room:1').join())).toEqual(['ok', { user: 'Ada' }]);
    });

    it('takes the authToken, which is a subprotocol', async () => {
      const socket = await connected(url, 'nobody', { params: {}, authToken: sign('Adélie') });
      expect(await replied(socket.channel('room:1').join())).toEqual(['ok', { user: 'Adélie' }]);
    });

    it('tells the client of a refusal', async () => {
      const socket = client(url, 'Ada', { params: { token: 'no' } });
      const failed = new Promise((resolve) => socket.onError(resolve));
      socket.connect();
      expect(await failed).toMatchObject({ message: expect.stringContaining('403') });
    });
  });

  describe('a socket', () => {
    it('answers heartbeats', async () => {
      const socket = await connected(url, 'Ada', { heartbeatIntervalMs: 20 });
      const { until } = messages(socket);
      const { payload } = await until(({ topic, event }) => topic === 'phoenix' && event === 'phx_reply');
      expect(payload).toEqual({ status: 'ok', response: {} });
    });

    it('answers what is for a channel that is not joined', async () => {
      const socket = await connected(url, 'Ada');
      const { until } = messages(socket);
      socket.push({ join_ref: '1', ref: '2', topic: 'test:1', event: 'count', payload: {} });
      socket.push({ join_ref: '1', ref: '3', topic: 'test:1', event: 'phx_leave', payload: {} });
      expect(await until(({ ref }) => ref === '2')).toEqual({
        join_ref: '1',
        ref: '2',
        topic: 'test:1',
        event: 'phx_reply',
        payload: { status: 'error', response: { reason: 'unmatched topic' } },
      });
      expect((await until(({ ref }) => ref === '3')).payload.status).toBe('ok');
    });

    it.each([
      ['text', 'hello'],
      ['a list that is too short', '["1","2","test:1"]'],
      ['bytes', Buffer.of(9, 9, 9)],
      ['sizes beyond the end', Buffer.of(0, 255, 255, 255, 255)],
    ])('closes with 1007 on what is no message, others stay: %s', async (_what, data) => {
      const other = await joined(await connected(url, 'Bob'), 'test:1');
      const hostile = new WebSocket(`${url}/socket/websocket?vsn=2.0.0&token=${sign('Eve')}`);
      await once(hostile, 'open');
      hostile.send(data);
      const [code] = await once(hostile, 'close');
      expect(code).toBe(1007);
      expect(await replied(other.push('count', {}))).toEqual(['ok', { count: 1 }]);
      expect(errors).toEqual([]);
    });
  });

  describe('join', () => {
    it('is ok with a response, or an error', async () => {
      const socket = await connected(url, 'Ada');
      expect(await replied(socket.channel('room:kitchen').join())).toEqual(['ok', { user: 'Ada' }]);
      expect(await replied(socket.channel('test:1').join())).toEqual(['ok', {}]);
      expect(await replied(socket.channel('test:closed').join())).toEqual(['error', { reason: 'closed' }]);
    });

    it.each(['nowhere', '', `test:${'x'.repeat(251)}`])(
      'is an error where no channel is: %#',
      async (topic) => {
        const socket = await connected(url, 'Ada');
        const unmatched = ['error', { reason: 'unmatched topic' }];
        expect(await replied(socket.channel(topic).join())).toEqual(unmatched);
      },
    );

    it.each(['a crash', 'a mistake'])('is an error when the channel makes %s', async (as) => {
      const socket = await connected(url, 'Ada');
      const crashed = ['error', { reason: 'join crashed' }];
      expect(await replied(socket.channel('test:1', { as }).join())).toEqual(crashed);
      await joined(socket, 'test:2');
    });

    it('has an end', async () => {
      const socket = await connected(url, 'Ada');
      for (let i = 0; i < 100; i++) await joined(socket, `test:${i}`);
      const tooMany = ['error', { reason: 'too many channels' }];
      expect(await replied(socket.channel('test:one-more').join())).toEqual(tooMany);
    });

    it('a second time takes the place of the first', async () => {
      const socket = await connected(url, 'Ada');
      const { received, until } = messages(socket);
      const join = (ref: string) =>
        socket.push({ join_ref: ref, ref, topic: 'test:1', event: 'phx_join', payload: {} });
      join('1');
      socket.push({ join_ref: '1', ref: '2', topic: 'test:1', event: 'count', payload: {} });
      join('3');
      socket.push({ join_ref: '1', ref: '4', topic: 'test:1', event: 'phx_leave', payload: {} });
      socket.push({ join_ref: '3', ref: '5', topic: 'test:1', event: 'count', payload: {} });
      await until(({ ref }) => ref === '5');
      expect(
        received.map(({ join_ref, ref, event, payload }) => [join_ref, ref, event, payload.response]),
      ).toEqual([
        ['1', '1', 'phx_reply', {}],
        ['1', '2', 'phx_reply', { count: 1 }],
        ['1', '1', 'phx_close', undefined],
        ['3', '3', 'phx_reply', {}],
        ['3', '5', 'phx_reply', { count: 1 }],
      ]);
      expect(TestChannel.ends).toEqual([['test:1', ['shutdown', 'duplicate_join'], 1]]);
      // What the first one has sent itself is behind the join.
      socket.push({ join_ref: '3', ref: '6', topic: 'test:1', event: 'count', payload: {} });
      await until(({ ref }) => ref === '6');
      expect(TestChannel.told).toEqual([]);
    });
  });

  describe('a push', () => {
    it('is answered with ok or error', async () => {
      const room = await joined(await connected(url, 'Ada'), 'room:1');
      expect(await replied(room.push('say', { text: 'hello' }))).toEqual(['ok', { said: 1 }]);
      for (const bad of [{}, { text: ' ' }, { text: 1 }, { text: 'x'.repeat(501) }])
        expect((await replied(room.push('say', bad)))[0]).toBe('error');
      expect(await replied(room.push('say', { text: 'again' }))).toEqual(['ok', { said: 2 }]);
    });

    it('times out when nobody answers, and the channel goes on', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      expect(await replied(channel.push('quiet', {}, UNANSWERED))).toEqual(['timeout', {}]);
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 2 }]);
    });

    it('may be answered later, and what comes in between is answered before', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      const asked = replied(channel.push('ask', {}));
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 1 }]);
      TestChannel.answer({ at: 'last' });
      expect(await asked).toEqual(['ok', { at: 'last' }]);
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 2 }]);
    });

    it('may be answered too late: when the channel has ended, the next one has nothing of it', async () => {
      const socket = await connected(url, 'Ada');
      const { received } = messages(socket);
      const first = await joined(socket, 'test:1');
      first.push('ask', {}, UNANSWERED);
      await replied(first.leave());
      const second = await joined(socket, 'test:1');
      const before = received.length;
      TestChannel.answer({ too: 'late' });
      expect(await replied(second.push('count', {}))).toEqual(['ok', { count: 1 }]);
      expect(received).toHaveLength(before + 1);
    });

    it('may be answered with pushes, in order', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      const order: unknown[] = [];
      channel.on('first', (payload) => void order.push(payload));
      const second = next(channel, 'second');
      channel.push('push', { and: 'this' }, UNANSWERED);
      expect(await second).toEqual({ and: 'this' });
      expect(order).toEqual([{ count: 0 }]);
    });

    it('may have the channel send itself something', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      const told = next(channel, 'told');
      channel.push('send', {}, UNANSWERED);
      expect(await told).toEqual({ message: 'later' });
    });
  });

  describe('a broadcast', () => {
    it('goes to all in the channel, encoded once', async () => {
      const [ada, bob] = await Promise.all(['Ada', 'Bob'].map((user) => connected(url, user)));
      const channels = [await joined(ada!, 'test:1'), await joined(bob!, 'test:1')];
      const heard = channels.map((channel) => next(channel, 'news'));
      let encodings = 0;
      app.get(Endpoint).broadcast('test:1', 'news', { toJSON: () => ({ encodings: ++encodings }) });
      expect(await Promise.all(heard)).toEqual([{ encodings: 1 }, { encodings: 1 }]);
    });

    it('goes to those who are in the room, the sender too', async () => {
      const ada = await joined(await connected(url, 'Ada'), 'room:1');
      const bob = await joined(await connected(url, 'Bob'), 'room:1');
      const heard = [next(ada, 'said'), next(bob, 'said')];
      ada.push('say', { text: 'hello' });
      const said = { user: 'Ada', text: 'hello' };
      expect(await Promise.all(heard)).toEqual([said, said]);
    });

    it('leaves the sender out where it should', async () => {
      const ada = await joined(await connected(url, 'Ada'), 'room:1');
      const bob = await joined(await connected(url, 'Bob'), 'room:1');
      const own: unknown[] = [];
      ada.on('typing', (payload) => void own.push(payload));
      const heard = next(bob, 'typing');
      ada.push('typing', {}, UNANSWERED);
      expect(await heard).toEqual({ user: 'Ada' });
      expect((await replied(ada.push('say', { text: 'x' })))[0]).toBe('ok');
      expect(own).toEqual([]);
    });
  });

  describe('bytes', () => {
    const picture = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);

    it('go both ways: pushed, replied, broadcast', async () => {
      const ada = await joined(await connected(url, 'Ada'), 'room:1');
      const bob = await joined(await connected(url, 'Bob'), 'room:1');
      const shown = next(bob, 'picture');
      const [status, digest] = await replied(ada.push('picture', picture.buffer));
      expect(status).toBe('ok');
      expect(createHash('sha256').update(picture).digest().equals(Buffer.from(digest))).toBe(true);
      expect(Buffer.from(picture).equals(Buffer.from(await shown))).toBe(true);
    });

    it('are pushed by a channel', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      const second = next(channel, 'second');
      channel.push('push', picture.buffer, UNANSWERED);
      expect(Buffer.from(picture).equals(Buffer.from(await second))).toBe(true);
    });

    it('are refused where text is wanted, and the other way round', async () => {
      const room = await joined(await connected(url, 'Ada'), 'room:1');
      expect((await replied(room.push('picture', { no: 'bytes' })))[0]).toBe('error');
      expect((await replied(room.push('say', picture.buffer)))[0]).toBe('error');
    });
  });

  describe('leave', () => {
    it('ends one channel, its broadcasts and its presence', async () => {
      const socket = await connected(url, 'Ada');
      const { channel: bob, presence: there } = await attended(await connected(url, 'Bob'), 'room:1');
      const [one, two] = [await joined(socket, 'room:1'), await joined(socket, 'test:2')];
      await present(there, ['Ada', 'Bob']);
      const { received, until } = messages(socket);

      expect(await replied(one.leave())).toEqual(['ok', {}]);
      await until(({ event }) => event === 'phx_close');
      await present(there, ['Bob']);
      await replied(bob.push('say', { text: 'gone?' }));
      expect(await replied(two.push('count', {}))).toEqual(['ok', { count: 1 }]);
      const events = received.filter(({ topic }) => topic === 'room:1').map(({ event }) => event);
      expect(events).toEqual(['phx_reply', 'phx_close']);
    });

    it.each([
      ['the client leaves', 'left'],
      ['the client goes', 'closed'],
    ])('is told to the channel: %s', async (_what, word) => {
      const socket = await connected(url, 'Ada');
      const channel = await joined(socket, 'test:1');
      await replied(channel.push('count', {}));
      const ended = new Promise<void>((resolve) => (TestChannel.onEnd = resolve));
      if (word === 'left') channel.leave();
      else socket.disconnect();
      await ended;
      expect(TestChannel.ends).toEqual([['test:1', ['shutdown', word], 1]]);
    });

    it('comes of the channel, too, with a reply', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      const closed = new Promise<void>((resolve) => channel.onClose(() => resolve()));
      expect(await replied(channel.push('send and stop', {}))).toEqual(['ok', { count: 0 }]);
      await closed;
      expect(channel.state).toBe('closed');
      expect(TestChannel.ends).toEqual([['test:1', 'normal', 0]]);
    });

    it('cannot be refused', async () => {
      const socket = await connected(url, 'Ada');
      const channel = await joined(socket, 'test:stubborn');
      const { received, until } = messages(socket);
      channel.leave();
      await until(({ event }) => event === 'phx_close');
      expect(received[0]!.payload).toEqual({ status: 'ok', response: {} });
      expect(errors).toEqual([expect.stringContaining('will not go')]);
    });
  });

  describe('a crash', () => {
    it('may be that of a reply that comes later', async () => {
      const channel = await joined(await connected(url, 'Ada'), 'test:1');
      channel.push('ask', {}, UNANSWERED);
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 1 }]);
      const failed = new Promise<void>((resolve) => channel.onError(() => resolve()));
      TestChannel.answer(cyclic());
      await failed;
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 1 }]);
    });

    it.each(['throw', 'fail', 'cycle', 'mistake'])(
      'ends its channel only, and the client joins again: %s',
      async (event) => {
        const socket = await connected(url, 'Ada');
        const other = await joined(socket, 'test:other');
        const channel = await joined(socket, 'test:1');
        const { until } = messages(socket);
        await replied(channel.push('count', {}));
        const failed = new Promise<void>((resolve) => channel.onError(() => resolve()));
        channel.push(event, {}, UNANSWERED);
        await failed;
        await until(({ topic, event }) => topic === 'test:1' && event === 'phx_error');
        await until(({ join_ref, ref, topic }) => topic === 'test:1' && ref !== null && ref === join_ref);

        expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 1 }]);
        expect(await replied(other.push('count', {}))).toEqual(['ok', { count: 1 }]);
        expect(TestChannel.ends).toEqual([['test:1', event === 'fail' ? 'bad luck' : expect.any(Error), 1]]);
      },
    );

    it('takes the presence with it', async () => {
      const { presence: there } = await attended(await connected(url, 'Bob'), 'room:1');
      const room = await joined(await connected(url, 'Ada'), 'room:1');
      await present(there, ['Ada', 'Bob']);
      const logged = jest.spyOn(Logger.prototype, 'error');
      room.push('no such event', {}, UNANSWERED);
      await present(there, ['Bob']);
      // A client must not fill the log.
      expect(logged).not.toHaveBeenCalled();
      logged.mockRestore();
    });
  });

  describe('presence', () => {
    it('tells who is there, who comes and who goes, with all of their tabs', async () => {
      const { presence } = await attended(await connected(url, 'Ada'), 'room:1');
      await present(presence, ['Ada']);

      const bob = await connected(url, 'Bob');
      await joined(bob, 'room:1');
      await present(presence, ['Ada', 'Bob']);
      const left = new Promise((resolve) =>
        presence.onLeave((key, { metas }) => resolve([key, metas.length])),
      );
      const tab = await joined(await connected(url, 'Ada'), 'room:1');
      const tabs = new Promise<number>((resolve) => {
        const look = () => {
          const [ada] = presence.list((key, { metas }) => (key === 'Ada' ? metas.length : 0)).filter(Boolean);
          if (ada === 2) resolve(ada);
        };
        presence.onSync(look);
        look();
      });
      expect(await tabs).toBe(2);
      await replied(tab.leave());
      expect(await left).toEqual(['Ada', 1]);
      bob.disconnect();
      await present(presence, ['Ada']);
    });

    it('takes any name', async () => {
      const { presence } = await attended(await connected(url, '__proto__'), 'room:1');
      await present(presence, ['__proto__']);
    });
  });

  describe('a shutdown', () => {
    it('closes with 1012, and clients go to the next app, joined as before', async () => {
      const [first, second] = [await start(platform), await start(platform)];
      const from = (await first.getUrl()).replace('http', 'ws');
      const to = (await second.getUrl()).replace('http', 'ws');
      let at = from;
      /** A load balancer. */
      class Balanced extends WebSocket {
        constructor(address: string | URL, protocols?: string | string[]) {
          super(String(address).replace(from, at), protocols);
        }
      }

      const socket = await connected(from, 'Ada', { transport: Balanced });
      const channel = await joined(socket, 'test:1');
      await replied(channel.push('count', {}));
      const closed = new Promise((resolve) => socket.onClose(({ code }) => resolve(code)));
      const { until } = messages(socket);
      at = to;
      await Promise.all([
        first.close(),
        until(({ event, payload }) => event === 'phx_reply' && payload.status === 'ok'),
      ]);
      expect(await closed).toBe(1012);
      expect(await replied(channel.push('count', {}))).toEqual(['ok', { count: 1 }]);
      const heard = next(channel, 'news');
      second.get(Endpoint).broadcast('test:1', 'news', { from: 'second' });
      expect(await heard).toEqual({ from: 'second' });
      await disconnectAll();
      await second.close();
    });
  });

  describe('the page', () => {
    it.each([
      ['/', 'text/html; charset=utf-8'],
      ['/chat.css', 'text/css; charset=utf-8'],
      ['/room.css', 'text/css; charset=utf-8'],
      ['/room.js', 'text/javascript; charset=utf-8'],
      ['/phoenix.mjs', 'text/javascript; charset=utf-8'],
    ])('is served: %s', async (path, type) => {
      const response = await fetch((await app.getUrl()) + path);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
      expect((await response.text()).length).toBeGreaterThan(300);
    });

    it('gets a token', async () => {
      const get = async (query: string) => fetch(`${await app.getUrl()}/token${query}`);
      expect(await (await get('?user=Ada')).json()).toEqual({ token: sign('Ada') });
      expect((await get('')).status).toBe(400);
    });
  });
});
