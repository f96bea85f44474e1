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
function connect(url: () => string, onClose: (code: number | undefined) => void = () => {}) {
  const socket = createWSClient({
    url,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
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
});
