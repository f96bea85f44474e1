import { once } from 'node:events';
import { afterEach, expect, it } from '@jest/globals';
import { createTRPCClient, createWSClient, wsLink, type TRPCWebSocketClient } from '@trpc/client';
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
import { Journal, type Entry } from '../src/journal.js';
import type { JournalRouter } from '../src/router.js';

const sockets: TRPCWebSocketClient[] = [];

const start = (platform: Platform, journal: Journal) =>
  startApp(platform, { imports: [AppModule.on(journal)] });

const addressOf = (app: NestApp, query = '?as=Ada') => `ws://127.0.0.1:${app.port}/trpc${query}`;

/** tRPC's own client, and the close codes that it gets. */
function connect(
  url: () => string,
  onClose: (code: number | undefined) => void = () => {},
  Transport: new (address: string) => WebSocket = WebSocket,
) {
  const socket = createWSClient({
    url,
    WebSocket: Transport as unknown as typeof globalThis.WebSocket,
    retryDelayMs: () => 0,
    onClose: (cause) => onClose(cause?.code),
  });
  sockets.push(socket);
  return createTRPCClient<JournalRouter>({ links: [wsLink({ client: socket })] });
}

/** Follows the journal, and keeps the entries that come. */
function follow(client: ReturnType<typeof connect>) {
  const entries = new Log<Entry>();
  const subscription = client.follow.subscribe(undefined, { onData: ({ data }) => entries.add(data) });
  return { entries, leave: () => subscription.unsubscribe() };
}

eachPlatform('tRPC on %s', (platform) => {
  afterEach(async () => {
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
    await closeApps();
  });

  it('calls procedures, with what the upgrade says as their context', async () => {
    const app = await start(platform, new Journal());
    const client = connect(() => addressOf(app));
    expect(await client.me.query()).toBe('Ada');
    expect(await client.write.mutate('hello')).toEqual({ id: 1, text: 'Ada: hello' });
    await expect(client.write.mutate('')).rejects.toMatchObject({ data: { code: 'BAD_REQUEST' } });
  });

  it('gives a subscriber what was written, and what others write', async () => {
    const app = await start(platform, new Journal());
    const ada = connect(() => addressOf(app));
    const bob = connect(() => addressOf(app, '?as=Bob'));
    await bob.write.mutate('before');
    const { entries } = follow(ada);
    expect(await entries.next()).toEqual({ id: 1, text: 'Bob: before' });
    await bob.write.mutate('after');
    expect(await entries.next()).toEqual({ id: 2, text: 'Bob: after' });
  });

  it('refuses an upgrade that does not say who it is', async () => {
    const app = await start(platform, new Journal());
    const client = new WebSocket(addressOf(app, ''));
    const [error] = (await once(client, 'error')) as [Error];
    expect(error.message).toContain('401');
  });

  it.each(['leaves', 'closes its connection'])(
    'follows the journal no more when its subscriber %s',
    async (how) => {
      const journal = new Journal();
      const ended = new Log<number>();
      const after = journal.after.bind(journal);
      journal.after = (id, signal) => {
        signal.addEventListener('abort', () => ended.add(id));
        return after(id, signal);
      };
      const app = await start(platform, journal);
      const { entries, leave } = follow(connect(() => addressOf(app)));
      journal.append('first');
      await entries.next();
      expect(ended.all).toEqual([]);
      if (how === 'leaves') leave();
      else await sockets[0]!.close();
      expect(await ended.next()).toBe(0);
    },
  );

  it('goes on at the next instance behind the last entry, without a gap, when one shuts down', async () => {
    const journal = new Journal();
    const followed: number[] = [];
    const after = journal.after.bind(journal);
    journal.after = (id, signal) => {
      followed.push(id);
      return after(id, signal);
    };
    const apps = [await start(platform, journal), await start(platform, journal)];
    const urls = apps.map((app) => addressOf(app));
    const codes = new Log<unknown>();
    const client = connect(
      () => urls[0]!,
      (code) => {
        codes.add(code);
        urls.shift();
        // Nobody is there to hear it.
        journal.append('between');
      },
    );
    const { entries } = follow(client);
    for (let id = 1; id <= 3; id++) journal.append('before');
    for (let id = 1; id <= 3; id++) await entries.next();

    const closed = apps[0]!.close();
    journal.append('while it shuts down');
    await closed;
    await codes.next();
    await client.write.mutate('afterwards');

    while (entries.all.at(-1)?.text !== 'Ada: afterwards') await entries.next();
    expect(entries.all.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(codes.all).toEqual([1012]);
    expect(followed).toHaveLength(2);
    expect(followed[1]).toBeGreaterThanOrEqual(3);
  });

  it('drops a subscriber that does not read, and it resumes without a gap', async () => {
    const journal = new Journal();
    const left = new Log<number>();
    const after = journal.after.bind(journal);
    journal.after = (id, signal) => {
      signal.addEventListener('abort', () => left.add(id));
      return after(id, signal);
    };
    const app = await start(platform, journal);
    const opened: WebSocket[] = [];
    class Kept extends WebSocket {
      constructor(address: string) {
        super(address);
        opened.push(this);
      }
    }
    const codes = { slow: new Log<unknown>(), quick: new Log<unknown>() };
    const slow = connect(
      () => addressOf(app),
      (code) => codes.slow.add(code),
      Kept,
    );
    const quick = connect(
      () => addressOf(app, '?as=Bob'),
      (code) => codes.quick.add(code),
    );
    const [{ entries: slowly }, { entries: quickly }] = [follow(slow), follow(quick)];
    journal.append('first');
    await Promise.all([slowly.next(), quickly.next()]);

    opened[0]!.pause();
    const page = 'x'.repeat(10_000);
    while (left.all.length === 0) {
      for (let i = 0; i < 100; i++) journal.append(page);
      for (let i = 0; i < 100; i++) await quickly.next();
    }
    expect(slowly.all).toHaveLength(1);
    const { id: last } = journal.append('last');
    expect(await quickly.next()).toEqual({ id: last, text: 'last' });
    expect(codes.quick.all).toEqual([]);

    // What was on its way comes first.
    opened[0]!.resume();
    while (slowly.all.at(-1)?.text !== 'last') await slowly.next();
    expect(slowly.all.map(({ id }) => id)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    expect(new Set(codes.slow.all)).toEqual(new Set([1013]));
  });
});
