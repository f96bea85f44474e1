import { once } from 'node:events';
import { afterEach, expect, it } from '@jest/globals';
import { docs } from '@y/websocket-server/utils';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  startApp,
  type NestApp,
  type Platform,
} from '../../../test/support/nest.js';
import { awareness, changes, deep, embedding } from '../../../test/support/y-messages.js';
import { AppModule } from '../src/app.module.js';
import { BoardLimits } from '../src/board-limits.js';
import { BoardsService } from '../src/boards.service.js';

const providers: WebsocketProvider[] = [];

const start = (platform: Platform, limits: Partial<BoardLimits> = {}) =>
  startApp(platform, {
    imports: [AppModule],
    endsConnections: true,
    override: (builder) =>
      builder.overrideProvider(BoardLimits).useValue(Object.assign(new BoardLimits(), limits)),
  });

function urlOf(app: NestApp): string {
  return `ws://127.0.0.1:${app.port}/boards`;
}

/** y-websocket's own client. */
function connect(app: NestApp, board: string): WebsocketProvider {
  const provider = new WebsocketProvider(urlOf(app), board, new Y.Doc(), {
    WebSocketPolyfill: WebSocket as never,
    disableBc: true,
  });
  // The library takes its first state for none.
  provider.awareness.setLocalState({ name: 'Somebody' });
  providers.push(provider);
  return provider;
}

/** One that has all that is on the board. */
async function joined(app: NestApp, board: string): Promise<WebsocketProvider> {
  const provider = connect(app, board);
  if (!provider.synced) await new Promise<void>((resolve) => provider.once('sync', () => resolve()));
  return provider;
}

function strokesOf({ doc }: WebsocketProvider): Y.Array<unknown> {
  return doc.getArray('strokes');
}

/** Until it is so, as the document's updates or the awareness' changes tell. */
function until(provider: WebsocketProvider, isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (isSo()) resolve();
    };
    provider.doc.on('update', look);
    provider.awareness.on('change', look);
    look();
  });
}

function leave(provider: WebsocketProvider): void {
  providers.splice(providers.indexOf(provider), 1);
  provider.destroy();
  provider.doc.destroy();
}

/** Tells of each board that nobody is on any more. */
function leftBoards(app: NestApp): Log<string> {
  const left = new Log<string>();
  const boards = app.app.get(BoardsService);
  const told = boards.left.bind(boards);
  boards.left = (board) => {
    told(board);
    if (!docs.has(board.shared.name)) left.add(board.shared.name);
  };
  return left;
}

/** With which code the server closes the connection of a client that sends this. */
async function closedAfter(app: NestApp, board: string, ...messages: Uint8Array[]): Promise<number> {
  const client = new WebSocket(`${urlOf(app)}/${board}`);
  await once(client, 'open');
  for (const message of messages) client.send(message);
  const [code] = (await once(client, 'close')) as [number];
  return code;
}

eachPlatform('the whiteboard on %s', (platform) => {
  afterEach(async () => {
    for (const provider of [...providers]) leave(provider);
    await closeApps();
    expect(docs.size).toBe(0);
  });

  it('serves the page of a new board, its style and its script, and nothing from elsewhere', async () => {
    const app = await start(platform);
    const fresh = await app.fetch('/', { redirect: 'manual' });
    expect(fresh.status).toBe(302);
    expect(fresh.headers.get('location')).toMatch(/^\/b\/[\w-]{12}$/);

    const page = await app.fetch(fresh.headers.get('location')!);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    expect([...html.matchAll(/ (?:src|href)="(?!data:)([^"]*)"/g)].map(([, url]) => url)).toEqual([
      '/whiteboard.css',
      '/whiteboard.js',
      '/',
    ]);
    expect((await app.fetch('/whiteboard.css')).headers.get('content-type')).toContain('text/css');
    const script = await app.fetch('/whiteboard.js');
    expect(script.headers.get('content-type')).toContain('text/javascript');
    // One file: what it needs is in it.
    expect(await script.text()).not.toMatch(/\bfrom ?"|\bimport ?"/);
  });

  it.each(['abc', 'a'.repeat(41), 'a%20board', 'a.board', '%00abcd'])('knows no board %s', async (name) => {
    const app = await start(platform);
    expect((await app.fetch(`/b/${name}`)).status).toBe(400);
    const [error] = (await once(new WebSocket(`${urlOf(app)}/${name}`), 'error')) as [Error];
    expect(error.message).toContain('400');
    expect(docs.size).toBe(0);
  });

  it('shares what is on a board and who is there, with those on it only', async () => {
    const app = await start(platform);
    const [ada, bob, cy] = await Promise.all([
      joined(app, 'garden'),
      joined(app, 'garden'),
      joined(app, 'cellar'),
    ]);
    ada.awareness.setLocalState({ name: 'Ada' });
    await until(bob, () => bob.awareness.getStates().get(ada.doc.clientID)?.name === 'Ada');
    strokesOf(ada).push([1]);
    await until(bob, () => strokesOf(bob).length === 1);
    strokesOf(bob).push([2]);
    await until(ada, () => strokesOf(ada).length === 2);
    expect(strokesOf(await joined(app, 'garden')).toJSON()).toEqual([1, 2]);
    strokesOf(cy).push([3]);
    expect(strokesOf(await joined(app, 'cellar')).toJSON()).toEqual([3]);
  });

  it('lets a board go when the last one leaves, and keeps what was on it', async () => {
    const app = await start(platform);
    const left = leftBoards(app);
    const [ada, bob] = await Promise.all([joined(app, 'garden'), joined(app, 'garden')]);
    strokesOf(ada).push(['rose']);
    await until(bob, () => strokesOf(bob).length === 1);
    leave(ada);
    await until(bob, () => !bob.awareness.getStates().has(ada.doc.clientID));
    expect([...docs.keys()]).toEqual(['garden']);
    leave(bob);
    expect(await left.next()).toBe('garden');
    expect(strokesOf(await joined(app, 'garden')).toJSON()).toEqual(['rose']);
  });

  it.each<[string, Partial<BoardLimits>]>([
    ['a number of boards', { kept: 2 }],
    ['a number of bytes', { keptBytes: 2_500 }],
  ])('keeps the boards left last, up to %s, and none on which nothing was drawn', async (_what, limits) => {
    const app = await start(platform, limits);
    const left = leftBoards(app);
    for (const name of ['first', 'second', 'empty', 'third']) {
      const ada = await joined(app, name);
      const bob = await joined(app, name);
      if (name !== 'empty') strokesOf(ada).push([name.padEnd(1_000)]);
      await until(bob, () => strokesOf(bob).length === strokesOf(ada).length);
      leave(ada);
      leave(bob);
      expect(await left.next()).toBe(name);
    }
    const lengths = ['first', 'second', 'third'].map(
      async (name) => strokesOf(await joined(app, name)).length,
    );
    expect(await Promise.all(lengths)).toEqual([0, 1, 1]);
  });

  it('refuses more boards than may be in use, and lets in who comes to one that is', async () => {
    const app = await start(platform, { open: 1 });
    const ada = await joined(app, 'garden');
    strokesOf(ada).push(['rose']);
    const [error] = (await once(new WebSocket(`${urlOf(app)}/cellar`), 'error')) as [Error];
    expect(error.message).toContain('503');
    await joined(app, 'garden');
  });

  it('takes no more than a board may hold; what was erased does not count', async () => {
    const app = await start(platform, { bytes: 100_000 });
    const [ada, bob] = await Promise.all([joined(app, 'garden'), joined(app, 'garden')]);
    const closed = new Log<number>();
    ada.on('closed', ({ code }) => closed.add(code));
    for (let i = 0; i < 10; i++) {
      strokesOf(ada).push(['x'.repeat(40_000)]);
      strokesOf(ada).delete(0);
    }
    for (const word of ['y', 'z']) strokesOf(ada).push([word.repeat(40_000)]);
    await until(bob, () => strokesOf(bob).length === 2);
    strokesOf(ada).push(['too much'.repeat(5_000)]);
    expect(await closed.next()).toBe(4413);
    expect(ada.shouldConnect).toBe(false);
    // Once there is room again, there is room again.
    strokesOf(bob).delete(0, 2);
    strokesOf(bob).push(['w'.repeat(40_000)]);
    const cy = await joined(app, 'garden');
    await until(cy, () => strokesOf(cy).length === 1);
  });

  it('ends the connection of a client that sends what makes no sense, and no other', async () => {
    const app = await start(platform);
    const ada = await joined(app, 'garden');
    for (const bad of [[], [7], [0], [0, 3], [0x80, 0, 2]])
      expect(await closedAfter(app, 'garden', Uint8Array.from(bad))).toBe(4400);
    strokesOf(ada).push([1]);
    expect(strokesOf(await joined(app, 'garden')).length).toBe(1);
  });

  it.each([
    ['says of itself', awareness([1, 1, deep()])],
    ['draws', changes(embedding(deep()))],
  ])('ends the connection of a client that %s what could not be passed on', async (_what, message) => {
    const app = await start(platform);
    const ada = await joined(app, 'garden');
    expect(await closedAfter(app, 'garden', message)).toBe(4400);
    const bob = await joined(app, 'garden');
    strokesOf(bob).push([1]);
    await until(ada, () => strokesOf(ada).length === 1);
  });

  it('lets in who comes to a board with hundreds of others', async () => {
    const app = await start(platform);
    const ada = await joined(app, 'garden');
    const { states, meta } = docs.get('garden')!.awareness;
    for (let client = 1; client <= 400; client++) {
      states.set(client, { name: `One of the many ${client}`, color: 3, cursor: [123, 456] });
      meta.set(client, { clock: 1, lastUpdated: Date.now() });
    }
    const bob = await joined(app, 'garden');
    // It has sent back what it has heard.
    await until(bob, () => bob.awareness.getStates().size >= 400);
    strokesOf(bob).push([1]);
    await until(ada, () => strokesOf(ada).length === 1);
  });

  it('shows nobody who has left, whatever others still say', async () => {
    const app = await start(platform, { people: 3 });
    const ada = await joined(app, 'garden');
    const { states, meta } = ada.awareness;
    const gone: number[] = [];
    for (let i = 0; i < 8; i++) {
      const bob = await joined(app, 'garden');
      await until(ada, () => states.size === 2);
      leave(bob);
      gone.push(bob.doc.clientID);
      await until(ada, () => states.size === 1);
    }
    const echo = gone.map((client) => [client, meta.get(client)!.clock, '{}'] as const);
    const client = new WebSocket(`${urlOf(app)}/garden`);
    await once(client, 'open');
    client.send(awareness(...echo, [7, 1, '{}']));
    await until(ada, () => states.has(7));
    expect([...states.keys()].sort()).toEqual([ada.doc.clientID, 7].sort());
    client.terminate();
  });

  it('refuses with 503 who is one too many on a board, and those who are there stay', async () => {
    const app = await start(platform, { people: 2 });
    const [ada, bob] = await Promise.all([joined(app, 'garden'), joined(app, 'garden')]);
    await until(ada, () => ada.awareness.getStates().size === 2);
    const [error] = (await once(new WebSocket(`${urlOf(app)}/garden`), 'error')) as [Error];
    expect(error.message).toContain('503');
    bob.awareness.setLocalState({ name: 'Bob' });
    await until(ada, () => ada.awareness.getStates().get(bob.doc.clientID)?.name === 'Bob');
    leave(bob);
    await until(ada, () => ada.awareness.getStates().size === 1);
    await joined(app, 'garden');
  });
});
