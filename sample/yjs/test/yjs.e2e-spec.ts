import { once } from 'node:events';
import { afterEach, expect, it, jest } from '@jest/globals';
import { docs } from '@y/websocket-server/utils';
import { WebSocket } from 'ws';
import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs';
import { Gate, Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  NestApp,
  startApp,
  type AppSpec,
  type Platform,
} from '../../../test/support/nest.js';
import { Random } from '../../../test/support/random.js';
import { AppModule } from '../src/app.module.js';
import { DocumentStore } from '../src/document.store.js';
import { DocumentsService } from '../src/documents.service.js';
import { allLeave, Visitor } from './visitor.js';

/** Tells what it has saved, and may take its time. */
class WatchedStore extends DocumentStore {
  readonly loads = new Log<string>();
  readonly saves = new Log<string>();
  readonly saved = new Log<string[]>();
  loading: Promise<unknown> = Promise.resolve();
  saving: Promise<unknown> = Promise.resolve();

  override async load(name: string) {
    this.loads.add(name);
    await this.loading;
    return super.load(name);
  }

  override async save(name: string, update: Uint8Array) {
    this.saves.add(name);
    await this.saving;
    await super.save(name, update);
    this.saved.add(listOf(update));
  }
}

function listOf(update: Uint8Array): string[] {
  const doc = new Doc();
  applyUpdate(doc, update);
  return doc.getArray<string>('list').toArray();
}

function specOf(store: DocumentStore): AppSpec {
  return {
    imports: [AppModule],
    override: (builder) => builder.overrideProvider(DocumentStore).useValue(store),
  };
}

const start = (platform: Platform, store: DocumentStore = new DocumentStore()) =>
  startApp(platform, specOf(store));

eachPlatform('Yjs on %s', (platform) => {
  afterEach(async () => {
    allLeave();
    await closeApps();
    jest.restoreAllMocks();
    expect(docs.size).toBe(0);
  });

  it('brings what one writes to the other, in binary messages', async () => {
    const { port } = await start(platform);
    const ada = await Visitor.on(port);
    const bob = await Visitor.on(port, { name: 'Bob' });
    ada.write('bread');
    await bob.reads('bread');
    bob.write('milk');
    await ada.reads('bread', 'milk');
    bob.list.delete(0);
    await ada.sees((list) => list.join() === 'milk');
    expect(ada.messages.length).toBeGreaterThan(5);
    expect([...ada.messages, ...bob.messages].every(Buffer.isBuffer)).toBe(true);
  });

  it('makes one document of 2,000 edits that two clients make at once', async () => {
    const { port } = await start(platform);
    const ada = await Visitor.on(port);
    const bob = await Visitor.on(port, { name: 'Bob' });
    const random = new Random(1);
    for (let i = 0; i < 1_000; i++)
      for (const [visitor, name] of [
        [ada, 'a'],
        [bob, 'b'],
      ] as const) {
        visitor.list.insert(random.below(visitor.list.length + 1), [`${name}${i}`]);
        if (i % 10 === 9) visitor.list.delete(random.below(visitor.list.length));
      }
    const texts = [ada, bob].map((visitor) => visitor.doc.getText('end'));
    texts[0]!.insert(0, 'A');
    texts[1]!.insert(0, 'B');
    const both = (visitor: Visitor) => visitor.doc.getText('end').length === 2;
    await Promise.all([ada, bob].map((visitor) => visitor.sees(() => both(visitor))));
    expect(ada.list.length).toBe(1_800);
    expect(bob.list.toArray()).toEqual(ada.list.toArray());

    const late = await Visitor.on(port, { name: 'Eve' });
    expect(late.list.toArray()).toEqual(ada.list.toArray());
    expect(encodeStateAsUpdate(late.doc)).toEqual(encodeStateAsUpdate(ada.doc));
  });

  it('tells who is there, until they leave or are gone', async () => {
    const { port } = await start(platform);
    const ada = await Visitor.on(port);
    const bob = await Visitor.on(port, { name: 'Bob' });
    const eve = await Visitor.on(port, { name: 'Eve' });
    for (const visitor of [ada, bob, eve]) await visitor.meets('Ada', 'Bob', 'Eve');
    bob.leave();
    await ada.meets('Ada', 'Eve');
    eve.provider.shouldConnect = false;
    eve.socket.terminate();
    await ada.meets('Ada');
  });

  it('keeps documents apart, and those of another app', async () => {
    const [one, other] = [await start(platform), await start(platform)];
    const ada = await Visitor.on(one.port);
    const elsewhere = [
      await Visitor.on(one.port, { document: 'other' }),
      await Visitor.on(other.port),
      await Visitor.on(other.port, { document: 'other' }),
    ];
    ada.write('bread');
    await (await Visitor.on(one.port, { name: 'Bob' })).reads('bread');
    for (const visitor of elsewhere) {
      visitor.provider.disconnect();
      visitor.provider.connect();
      await visitor.synced();
      expect([visitor.list.toArray(), visitor.present]).toEqual([[], ['Ada']]);
    }
  });

  it.each([
    ['a bad name', 400, { document: 'a%20b' }],
    ['a name that is too long', 400, { document: 'x'.repeat(41) }],
    ['nobody’s name', 401, { params: {} }],
  ])('refuses an upgrade with %s', async (_what, status, options) => {
    const { port } = await start(platform);
    const visitor = new Visitor(port, options);
    visitor.provider.shouldConnect = false;
    const [error] = (await once(visitor.socket, 'error')) as [Error];
    expect(error.message).toContain(String(status));
    expect(docs.size).toBe(0);
  });

  describe('the store', () => {
    it('has the document once all have left, and then it is not in memory', async () => {
      const store = new WatchedStore();
      const { port } = await start(platform, store);
      const ada = await Visitor.on(port);
      const bob = await Visitor.on(port, { name: 'Bob' });
      ada.write('bread', 'milk');
      await bob.reads('milk');
      ada.leave();
      bob.leave();
      expect(await store.saved.next()).toEqual(['bread', 'milk']);

      const late = await Visitor.on(port, { name: 'Eve' });
      expect(late.list.toArray()).toEqual(['bread', 'milk']);
      expect(docs.size).toBe(1);
      expect(store.loads.all).toEqual(['notes', 'notes']);
      expect(store.saves.all).toEqual(['notes']);
    });

    it('is waited for by who comes, and nothing is lost', async () => {
      const store = new WatchedStore();
      const gate = new Gate();
      await store.save('notes', encodeStateAsUpdate(docWith('bread')));
      store.loading = gate.passed;
      const { port } = await start(platform, store);
      const ada = new Visitor(port);
      ada.write('milk');
      await store.loads.next();
      const gone = new Visitor(port, { name: 'Bob' });
      await once(gone.socket, 'open');
      gone.leave();
      gate.open();
      await ada.synced();
      expect(ada.list.toArray().sort()).toEqual(['bread', 'milk']);
      await (await Visitor.on(port, { name: 'Eve' })).reads('bread', 'milk');
    });

    it('is not waited for on behalf of who is gone', async () => {
      const store = new WatchedStore();
      const gate = new Gate();
      store.loading = gate.passed;
      const { port, app } = await start(platform, store);
      const left = new Log<string>();
      const documents = app.get(DocumentsService);
      const leave = documents.leave.bind(documents);
      documents.leave = (document) => (left.add(document.name), leave(document));
      const gone = new WebSocket(`ws://127.0.0.1:${port}/documents/notes?as=Bob`);
      await once(gone, 'open');
      gone.terminate();
      await left.next();

      // The library pings each of its connections.
      const setInterval = jest.spyOn(globalThis, 'setInterval');
      gate.open();
      await Visitor.on(port);
      expect(setInterval.mock.calls.filter(([, ms]) => ms === 30_000)).toHaveLength(1);
    });

    it('is asked again when it could not load', async () => {
      const store = new WatchedStore();
      const { port } = await start(platform, store);
      store.loading = Promise.reject(new Error('the store is down'));
      const ada = new Visitor(port);
      expect(await ada.closeCodes.next()).toBe(1011);
      store.loading = Promise.resolve();
      await ada.synced();
      ada.write('bread');
      ada.leave();
      expect(await store.saved.next()).toEqual(['bread']);
    });

    it('is not behind for who comes back while it saves', async () => {
      const store = new WatchedStore();
      const { port } = await start(platform, store);
      const ada = await Visitor.on(port);
      ada.write('bread');
      const gate = new Gate();
      store.saving = gate.passed;
      ada.leave();
      await store.saves.next();

      const bob = await Visitor.on(port, { name: 'Bob' });
      expect(bob.list.toArray()).toEqual(['bread']);
      bob.write('milk');
      bob.leave();
      const eve = await Visitor.on(port, { name: 'Eve' });
      gate.open();
      expect(await store.saved.next()).toEqual(['bread']);
      await eve.reads('bread', 'milk');
      await (await Visitor.on(port)).reads('bread', 'milk');
      allLeave();
      expect(await store.saved.next()).toEqual(['bread', 'milk']);
      expect(store.loads.all).toEqual(['notes']);
    });

    it('gets the document later when it could not save, which stays in memory until then', async () => {
      const store = new WatchedStore();
      const app = await start(platform, store);
      const ada = await Visitor.on(app.port);
      ada.write('bread');
      store.saving = Promise.reject(new Error('the store is down'));
      ada.leave();
      await store.saves.next();
      const bob = await Visitor.on(app.port, { name: 'Bob' });
      expect(bob.list.toArray()).toEqual(['bread']);
      bob.leave();
      await store.saves.next();
      store.saving = Promise.resolve();
      await app.close();
      expect(store.saved.all).toEqual([['bread']]);
    });
  });

  it('sends its clients to the next app when it shuts down, with what was written meanwhile', async () => {
    const app = await start(platform);
    const { port } = app;
    // Made before: the port stays free for a moment only.
    const next = await NestApp.create(platform, specOf(new DocumentStore()));
    const ada = await Visitor.on(port);
    const bob = await Visitor.on(port, { name: 'Bob' });
    ada.write('bread');
    await bob.reads('bread');

    await app.close();
    for (const visitor of [ada, bob]) expect(await visitor.closeCodes.next()).toBe(1012);
    ada.write('milk');
    await next.app.listen(port, '127.0.0.1');
    await bob.reads('bread', 'milk');
    await bob.meets('Ada', 'Bob');
    expect(bob.list.toArray()).toEqual(['bread', 'milk']);
  });

  it('has saved what was open when it has shut down', async () => {
    const store = new WatchedStore();
    const app = await start(platform, store);
    const ada = await Visitor.on(app.port);
    const bob = await Visitor.on(app.port, { name: 'Bob' });
    ada.write('bread');
    await bob.reads('bread');
    await app.close();
    expect(store.saved.all).toEqual([['bread']]);

    allLeave();
    const next = await start(platform, store);
    expect((await Visitor.on(next.port)).list.toArray()).toEqual(['bread']);
  });
});

function docWith(...things: string[]): Doc {
  const doc = new Doc();
  doc.getArray('list').push(things);
  return doc;
}
