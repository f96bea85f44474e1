import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { docs } from '@y/websocket-server/utils';
import { WebSocket } from 'ws';
import { Doc, encodeStateAsUpdate } from 'yjs';
import { closeApps, eachPlatform, startApp, type Platform } from '../../../test/support/nest.js';
import { Random } from '../../../test/support/random.js';
import { awareness, changes, deep, embedding, QUESTION } from '../../../test/support/y-messages.js';
import { AppModule } from '../src/app.module.js';
import { DocumentStore } from '../src/document.store.js';
import { DocumentsService } from '../src/documents.service.js';
import { allLeave, Visitor } from './visitor.js';

const start = (platform: Platform) => startApp(platform, { imports: [AppModule] });

const sockets: WebSocket[] = [];

async function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/documents/notes?as=Mallory`);
  sockets.push(socket);
  await once(socket, 'open');
  return socket;
}

/** Sends it, and gives the close code, or undefined if the server goes on with the connection. */
function codeAfter(socket: WebSocket, ...garbage: (Uint8Array | string)[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    socket.on('close', resolve);
    socket.on('message', ([kind, step]: Buffer) => {
      if (kind === 0 && step === 1) resolve(undefined);
    });
    for (const message of [...garbage, QUESTION]) socket.send(message);
  });
}

const some = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);

/** Two who were there before, and go on. */
async function friends(port: number) {
  const ada = await Visitor.on(port);
  const bob = await Visitor.on(port, { name: 'Bob' });
  ada.write('bread');
  await bob.reads('bread');
  return {
    ada,
    bob,
    async goOn() {
      bob.write('still there');
      await ada.reads('bread', 'still there');
      const late = await Visitor.on(port, { name: 'Eve' });
      expect(late.list.toArray()).toEqual(['bread', 'still there']);
      await late.meets('Ada', 'Bob', 'Eve');
      expect(ada.closeCodes.all).toEqual([]);
      expect(bob.closeCodes.all).toEqual([]);
    },
  };
}

eachPlatform('Yjs on %s, with clients that mean no good', (platform) => {
  // The library prints what it cannot read.
  beforeAll(() => void jest.spyOn(console, 'error').mockImplementation(() => {}));
  afterAll(() => void jest.restoreAllMocks());

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    allLeave();
    await closeApps();
    expect(docs.size).toBe(0);
  });

  it('closes with 4400 on text', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    expect(await codeAfter(await open(port), 'hello')).toBe(4400);
    await goOn();
  });

  it('is not disturbed by random bytes', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    const random = new Random(7);
    for (let i = 0; i < 40; i++) {
      const bytes = random.bytes(random.below(200));
      // Half of them look like messages at first.
      const garbage = i % 2 === 0 ? bytes : Buffer.concat([Buffer.of(0, 1 + random.below(2)), bytes]);
      expect([undefined, 4400]).toContain(await codeAfter(await open(port), garbage));
    }
    await goOn();
  });

  it('is not disturbed by messages that are cut off', async () => {
    const { port } = await start(platform);
    const { ada, goOn } = await friends(port);
    const whole = ada.messages.slice(0, 8).map((message) => message as Buffer);
    for (const message of whole)
      for (const length of new Set([0, 1, 2, message.length >> 1, message.length - 1]))
        expect(await codeAfter(await open(port), message.subarray(0, length))).toBe(4400);
    await goOn();
  });

  it.each([
    ['says of itself', awareness([1, 1, deep()])],
    ['writes', changes(embedding(deep()))],
    ['writes, at the edge of it,', changes(embedding(deep(3_000)))],
  ])('shuts out who %s what cannot be passed on', async (_what, message) => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    expect(await codeAfter(await open(port), message)).toBe(4400);
    await goOn();
  });

  it('shuts out who claims to be many, or says too much', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    const says = (clients: number[]) => clients.map((client) => [client, 1, '{}'] as const);
    expect(await codeAfter(await open(port), awareness(...says(some(10))))).toBeUndefined();
    expect(await codeAfter(await open(port), awareness(...says(some(11, 20))))).toBe(4400);
    const oneByOne = says(some(11, 40)).map((said) => awareness(said));
    expect(await codeAfter(await open(port), ...oneByOne)).toBe(4400);
    const long = `"${'x'.repeat(1_000)}"`;
    expect(await codeAfter(await open(port), awareness([60, 1, long]))).toBe(4400);
    const [shared] = docs.values();
    // Of the first, who is still there.
    expect(shared!.awareness.getStates().size).toBe(12);
    for (const socket of sockets) socket.terminate();
    await goOn();
  });

  it('lets nobody speak for somebody else', async () => {
    const { port } = await start(platform);
    const { ada, bob, goOn } = await friends(port);
    await bob.meets('Ada', 'Bob');
    const mallory = await open(port);
    const { clientID } = ada.doc;
    const lies = ['{"name":"Fool"}', 'null'].map((state) => awareness([clientID, 2 ** 50, state]));
    expect(await codeAfter(mallory, ...lies, awareness([7, 1, '{"name":"Mallory"}']))).toBeUndefined();
    await bob.meets('Ada', 'Bob', 'Mallory');
    ada.provider.awareness.setLocalState({ name: 'Ada Lovelace' });
    await bob.meets('Ada Lovelace', 'Bob', 'Mallory');
    ada.provider.awareness.setLocalState({ name: 'Ada' });
    mallory.terminate();
    await goOn();
  });

  it('shows nobody who comes back and is then cut off', async () => {
    const { port } = await start(platform);
    const { ada, bob, goOn } = await friends(port);
    const eve = await Visitor.on(port, { name: 'Eve' });
    await bob.meets('Ada', 'Bob', 'Eve');
    for (let i = 0; i < 2; i++) {
      eve.socket.terminate();
      await bob.meets('Ada', 'Bob');
      if (i === 0) await bob.meets('Ada', 'Bob', 'Eve');
      else eve.leave();
    }
    await ada.meets('Ada', 'Bob');
    await goOn();
  });

  it('is not shown one who has left by an echo', async () => {
    const { port } = await start(platform);
    const { bob, goOn } = await friends(port);
    const eve = await Visitor.on(port, { name: 'Eve' });
    await bob.meets('Ada', 'Bob', 'Eve');
    const { clock } = bob.provider.awareness.meta.get(eve.doc.clientID)!;
    eve.leave();
    await bob.meets('Ada', 'Bob');
    const echo = awareness([eve.doc.clientID, clock, '{"name":"Eve"}'], [7, 1, '{"name":"Mallory"}']);
    expect(await codeAfter(await open(port), echo)).toBeUndefined();
    await bob.meets('Ada', 'Bob', 'Mallory');
    sockets[0]!.terminate();
    await goOn();
  });

  it('closes with 4429 when asked for all again and again', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    const socket = await open(port);
    for (let i = 0; i < 20; i++) socket.send(QUESTION);
    expect(await once(socket, 'close')).toEqual([4429, Buffer.from('asked too often')]);
    await goOn();
  });

  it('keeps little of what is based on nothing', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    const doc = new Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (let i = 0; i < 20; i++) doc.getText('text').insert(0, 'x'.repeat(10_000));
    expect(await codeAfter(await open(port), ...updates.slice(1, 4).map(changes))).toBeUndefined();
    expect(await codeAfter(await open(port), ...updates.slice(4).map(changes))).toBe(1008);
    const [shared] = docs.values();
    expect(shared!.store.pendingStructs).toBeNull();
    await goOn();
  });

  it('forgets those who have left long ago', async () => {
    const { port } = await start(platform);
    const { ada, bob, goOn } = await friends(port);
    const [shared] = docs.values();
    const { meta } = shared!.awareness;
    for (const client of some(2_000)) meta.set(client, { clock: 1, lastUpdated: 0 });
    ada.provider.awareness.setLocalState({ name: 'Ada Lovelace' });
    await bob.meets('Ada Lovelace', 'Bob');
    expect(meta.size).toBeLessThan(10);
    ada.provider.awareness.setLocalState({ name: 'Ada' });
    await goOn();
  });

  it('closes with 4413 when the document gets too large, and has room again for less', async () => {
    const { port } = await start(platform);
    const { ada, bob, goOn } = await friends(port);
    const eve = await Visitor.on(port, { name: 'Eve' });
    const text = bob.doc.getText('text');
    text.insert(0, 'x'.repeat(600_000));
    await eve.sees(() => eve.doc.getText('text').length === 600_000);
    eve.doc.getText('text').insert(0, 'y'.repeat(600_000));
    expect(await eve.closeCodes.next()).toBe(4413);
    expect(eve.provider.shouldConnect).toBe(false);

    text.delete(0, text.length);
    text.insert(0, 'z'.repeat(600_000));
    const seen = ada.doc.getText('text');
    await ada.sees(() => seen.toString().startsWith('z') && seen.length === 600_000);
    eve.leave();
    await goOn();
  });

  it('closes with 4413 however its numbers are written', async () => {
    const { port } = await start(platform);
    const { goOn } = await friends(port);
    const doc = new Doc();
    doc.getText('text').insert(0, 'x'.repeat(1_000_000));
    const message = changes(encodeStateAsUpdate(doc)).subarray(1);
    // 0 in two bytes.
    const padded = Buffer.concat([Buffer.of(0x80, 0), message]);
    expect(await codeAfter(await open(port), padded)).toBe(4413);
    await goOn();
  });

  it('drops a client that does not read, while the others go on', async () => {
    const { port } = await start(platform);
    const { ada, bob, goOn } = await friends(port);
    const slow = await Visitor.on(port, { name: 'Slow' });
    await bob.meets('Ada', 'Bob', 'Slow');
    slow.socket.pause();
    const text = ada.doc.getText('text');
    // More than the kernels hold, then more than may wait.
    for (let round = 1; bob.present.includes('Slow'); round++) {
      for (let i = 0; i < 100; i++) {
        text.insert(0, 'x'.repeat(20_000));
        text.delete(0, 20_000);
      }
      ada.doc.getMap('rounds').set('last', round);
      await bob.sees(() => bob.doc.getMap('rounds').get('last') === round);
    }
    slow.socket.resume();
    expect(await slow.closeCodes.next()).toBe(1006);
    // It comes back by itself.
    await bob.meets('Ada', 'Bob', 'Slow');
    ada.doc.getMap('rounds').set('last', 'over');
    await slow.sees(() => slow.doc.getMap('rounds').get('last') === 'over');
    slow.leave();
    await goOn();
  });

  it('refuses with 503 whom there is no room for', async () => {
    const { port, app } = await start(platform);
    const refusal = async (document: string) => {
      const visitor = new Visitor(port, { document });
      visitor.provider.shouldConnect = false;
      const [error] = (await once(visitor.socket, 'error')) as [Error];
      return error.message;
    };
    const documents = app.get(DocumentsService);
    const many = some(100).map(() => documents.enter('crowded'));
    expect(await refusal('crowded')).toContain('503');
    const others = some(199).map((i) => documents.enter(`other-${i}`));
    expect(await refusal('notes')).toContain('503');
    await Visitor.on(port, { document: 'other-7' });
    for (const document of [...many, ...others]) documents.leave(document);

    const store = app.get(DocumentStore);
    for (const i of some(500)) await store.save(`kept-${i}`, Buffer.of(0, 0));
    expect(await refusal('notes')).toContain('503');
    await Visitor.on(port, { document: 'kept-7' });
  });
});
