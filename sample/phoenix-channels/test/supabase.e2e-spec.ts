import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import {
  RealtimeClient,
  type RealtimeChannel,
  type RealtimeChannelOptions,
  type RealtimeClientOptions,
} from '@supabase/realtime-js';
import { WebSocket } from 'ws';
import { Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  startApp,
  type NestApp,
  type Platform,
} from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';
import { sign } from '../src/tokens.js';

type Config = RealtimeChannelOptions['config'];

const clients = new Set<RealtimeClient>();

const start = (platform: Platform) => startApp(platform, { imports: [AppModule] });

const addressOf = (app: NestApp) => `ws://127.0.0.1:${app.port}/socket`;

/** A client of `@supabase/realtime-js`, and the sockets that it opens. Node 20 has no `WebSocket`, so it gets that of ws. */
function connect(app: NestApp, user: string, options: Partial<RealtimeClientOptions> = {}) {
  const sockets: WebSocket[] = [];
  class Kept extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      sockets.push(this);
    }
  }
  const client = new RealtimeClient(addressOf(app), {
    transport: Kept as unknown as RealtimeClientOptions['transport'],
    params: { apikey: sign(user) },
    reconnectAfterMs: () => 10,
    ...options,
  });
  clients.add(client);
  return { client, sockets };
}

/** Subscribes, and keeps what becomes of it. */
function subscribe(channel: RealtimeChannel): Log<string> {
  const statuses = new Log<string>();
  channel.subscribe((status, error) =>
    statuses.add(error === undefined ? status : `${status}: ${error.message}`),
  );
  return statuses;
}

/** A channel that is subscribed to, and the broadcasts that it gets. */
async function subscribed(client: RealtimeClient, name: string, config: Config = {}) {
  const channel = client.channel(name, { config });
  const heard = new Log<unknown>();
  channel.on('broadcast', { event: '*' }, ({ event, payload }) => heard.add([event, payload]));
  const statuses = subscribe(channel);
  expect(await statuses.next()).toBe('SUBSCRIBED');
  return { channel, heard, statuses };
}

/** A channel with what it hears of presences: who is there after each change, who joins and who leaves. */
async function attended(client: RealtimeClient, name: string, key?: string) {
  const channel = client.channel(name, { config: key === undefined ? {} : { presence: { key } } });
  const synced = new Log<string[]>();
  const joined = new Log<unknown>();
  const left = new Log<unknown>();
  channel
    .on('presence', { event: 'sync' }, () => synced.add(Object.keys(channel.presenceState()).sort()))
    .on('presence', { event: 'join' }, ({ key, newPresences }) => joined.add([key, newPresences]))
    .on('presence', { event: 'leave' }, ({ key, leftPresences }) => left.add([key, leftPresences]));
  const statuses = subscribe(channel);
  expect(await statuses.next()).toBe('SUBSCRIBED');
  return { channel, synced, joined, left, statuses };
}

const say = (channel: RealtimeChannel, event: string, payload: object) =>
  channel.send({ type: 'broadcast', event, payload });

eachPlatform('Supabase Realtime on %s', (platform) => {
  // The client leaves timers behind, of 10 s after each disconnect. They are not to keep the process.
  beforeAll(() => {
    const { setTimeout } = globalThis;
    jest
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((...timer: Parameters<typeof setTimeout>) =>
        setTimeout(...timer).unref()) as typeof setTimeout);
  });

  afterAll(() => void jest.restoreAllMocks());

  afterEach(async () => {
    await Promise.all([...clients].map((client) => client.disconnect()));
    clients.clear();
    await closeApps();
  });

  it('subscribes with its apikey, and is refused with a wrong one', async () => {
    const app = await start(platform);
    await subscribed(connect(app, 'Ada').client, 'kitchen');
    const { client } = connect(app, 'Eve', { params: { apikey: 'stolen' } });
    expect(await subscribe(client.channel('kitchen')).next()).toContain('CHANNEL_ERROR');
  });

  it.each<[string, string, RealtimeChannelOptions]>([
    ['no such channel', 'küche', { config: {} }],
    ['there are no private channels here', 'kitchen', { config: { private: true } }],
    ['a key has at most 100 characters', 'kitchen', { config: { presence: { key: '\ud800' } } }],
  ])('is told why it cannot subscribe: %s', async (reason, name, options) => {
    const { client } = connect(await start(platform), 'Ada');
    expect(await subscribe(client.channel(name, options)).next()).toBe(`CHANNEL_ERROR: ${reason}`);
  });

  it('is told that there is no database', async () => {
    const { client } = connect(await start(platform), 'Ada');
    const channel = client.channel('kitchen');
    channel.on('postgres_changes', { event: '*', schema: 'public' }, () => {});
    expect(await subscribe(channel).next()).toBe('CHANNEL_ERROR: there is no database here');
  });

  it('broadcasts text and bytes to the others', async () => {
    const app = await start(platform);
    const ada = await subscribed(connect(app, 'Ada').client, 'kitchen');
    const bob = await subscribed(connect(app, 'Bob').client, 'kitchen');
    const eve = await subscribed(connect(app, 'Eve').client, 'cellar');
    const bytes = Uint8Array.of(0, 1, 254, 255).buffer;
    await say(ada.channel, 'said', { text: 'hé' });
    await say(ada.channel, 'drawn', bytes);
    expect(await bob.heard.next()).toEqual(['said', { text: 'hé' }]);
    expect(await bob.heard.next()).toEqual(['drawn', bytes]);
    await say(bob.channel, 'said', { text: 'hello' });
    expect(await ada.heard.next()).toEqual(['said', { text: 'hello' }]);
    expect(ada.heard.all).toHaveLength(1);
    expect(eve.heard.all).toEqual([]);
  });

  it('hears its own broadcasts if it wants to, `self`', async () => {
    const app = await start(platform);
    const { channel, heard } = await subscribed(connect(app, 'Ada').client, 'kitchen', {
      broadcast: { self: true },
    });
    await say(channel, 'said', { text: 'hello' });
    expect(await heard.next()).toEqual(['said', { text: 'hello' }]);
  });

  it('is answered if it wants to, `ack`, or gives up after a timeout', async () => {
    const app = await start(platform);
    const { client, sockets } = connect(app, 'Ada');
    const { channel } = await subscribed(client, 'kitchen', { broadcast: { ack: true } });
    expect(await say(channel, 'said', { text: 'hello' })).toBe('ok');

    // The answer is on its way, but does not come.
    sockets[0]!.pause();
    const sent = { type: 'broadcast', event: 'said', payload: { text: 'hello?' } } as const;
    expect(await channel.send(sent, { timeout: 10 })).toBe('timed out');
    sockets[0]!.resume();
    expect(await say(channel, 'said', { text: 'hello!' })).toBe('ok');
  });

  it('is told of an event that the channel does not know, and of one that is wrong', async () => {
    const { client } = connect(await start(platform), 'Ada');
    const { channel } = await subscribed(client, 'kitchen', { broadcast: { ack: true } });
    expect(await channel.send({ type: 'dance' as 'broadcast', event: 'waltz' })).toBe('error');
    expect(await channel.send({ type: 'broadcast' } as never)).toBe('error');
    expect(await channel.track('not an object' as never)).toBe('error');
    expect(await channel.track({ big: 'x'.repeat(5_000) })).toBe('error');
    expect(await say(channel, 'said', {})).toBe('ok');
  });

  it('tracks itself, and is told who else does', async () => {
    const app = await start(platform);
    const ada = await attended(connect(app, 'Ada').client, 'kitchen');
    expect(await ada.synced.next()).toEqual([]);
    const bob = await attended(connect(app, 'Bob').client, 'kitchen', 'robert');
    expect(await bob.synced.next()).toEqual([]);

    expect(await bob.channel.track({ mood: 'good' })).toBe('ok');
    const robert = ['robert', [{ mood: 'good', presence_ref: expect.any(String) }]];
    expect(await ada.joined.next()).toEqual(robert);
    expect(await ada.synced.next()).toEqual(['robert']);
    expect(await ada.channel.track({ mood: 'better' })).toBe('ok');
    expect(await ada.synced.next()).toEqual(['Ada', 'robert']);
    const late = await attended(connect(app, 'Cyd').client, 'kitchen');
    expect(await late.synced.next()).toEqual(['Ada', 'robert']);

    expect(await bob.channel.untrack()).toBe('ok');
    expect(await ada.left.next()).toEqual(robert);
    expect(await ada.synced.next()).toEqual(['Ada']);
  });

  it('unsubscribes: it hears nothing any more, and is there no more', async () => {
    const app = await start(platform);
    const ada = await subscribed(connect(app, 'Ada').client, 'kitchen');
    await ada.channel.track({});
    const bob = await attended(connect(app, 'Bob').client, 'kitchen');
    expect(await bob.synced.next()).toEqual(['Ada']);

    expect(await ada.channel.unsubscribe()).toBe('ok');
    expect(await ada.statuses.next()).toBe('CLOSED');
    expect(await bob.synced.next()).toEqual([]);
    await say(bob.channel, 'said', { text: 'gone?' });
    const again = await subscribed([...clients][0]!, 'kitchen');
    await say(bob.channel, 'said', { text: 'back!' });
    expect(await again.heard.next()).toEqual(['said', { text: 'back!' }]);
    expect(ada.heard.all).toEqual([]);
  });

  it('keeps its subscription with a new token of the same user, and loses it with that of another', async () => {
    const app = await start(platform);
    const { client } = connect(app, 'Ada');
    const { channel, statuses } = await subscribed(client, 'kitchen', { broadcast: { ack: true } });
    await client.setAuth(sign('Ada'));
    expect(await say(channel, 'said', {})).toBe('ok');
    await client.setAuth(sign('Bob'));
    expect(await statuses.next()).toBe('CLOSED');
    // It is in the join of the next one.
    expect(await subscribe(client.channel('cellar')).next()).toBe('CHANNEL_ERROR: not your token');
  });

  it('has its heartbeats answered', async () => {
    const { client } = connect(await start(platform), 'Ada');
    await subscribed(client, 'kitchen');
    const beats = new Log<string>();
    client.onHeartbeat((status) => beats.add(status));
    await client.sendHeartbeat();
    expect(await beats.next()).toBe('sent');
    expect(await beats.next()).toBe('ok');
  });

  it('comes back after a restart, subscribes again, and tracks itself again', async () => {
    const [first, second] = [await start(platform), await start(platform)];
    const [from, to] = [addressOf(first), addressOf(second)];
    let at = from;
    /** A load balancer. */
    class Balanced extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(String(address).replace(from, at), protocols);
      }
    }
    const { client } = connect(first, 'Ada', {
      transport: Balanced as unknown as RealtimeClientOptions['transport'],
    });
    const { channel, synced, statuses } = await attended(client, 'kitchen');
    expect(await synced.next()).toEqual([]);
    await channel.track({});
    expect(await synced.next()).toEqual(['Ada']);

    at = to;
    await first.close();
    expect(await statuses.next()).toBe('CHANNEL_ERROR: socket closed: 1012');
    expect(await statuses.next()).toBe('SUBSCRIBED');
    expect(await synced.next()).toEqual([]);
    await channel.track({});
    expect(await synced.next()).toEqual(['Ada']);
    const bob = await subscribed(connect(second, 'Bob').client, 'kitchen');
    await say(channel, 'said', { text: 'I am back' });
    expect(await bob.heard.next()).toEqual(['said', { text: 'I am back' }]);
  });
});
