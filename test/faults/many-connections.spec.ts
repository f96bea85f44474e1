import { encodeFrame, OPCODE } from '../support/frames.js';
import { RawClient } from '../support/raw-client.js';
import { RemoteHost } from '../support/remote-host.js';

const BATCH = 200;
const MB = 1_000_000;

let host: RemoteHost;
afterEach(() => host.stop());

/** All the ways to leave. */
const drops: ((client: RawClient) => unknown)[] = [
  (client) => client.reset(),
  (client) => client.end(),
  (client) => client.close(1000),
  (client) => client.send({ opcode: OPCODE.text, payload: 'violation', mask: false }),
  (client) => (
    client.write(encodeFrame({ opcode: OPCODE.text, payload: 'half' }).subarray(0, 7)),
    client.reset()
  ),
  (client) => client.destroy(),
];

async function openAndDrop(drop: (client: RawClient) => unknown): Promise<void> {
  const client = await RawClient.open(host.port, {}, encodeFrame({ opcode: OPCODE.text, payload: 'hello' }));
  await client.nextText();
  drop(client);
  if (!client.socket.destroyed) await client.ended();
  client.destroy();
}

async function openAndDropBatches(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await Promise.all(Array.from({ length: BATCH }, (_, j) => openAndDrop(drops[(i + j) % drops.length]!)));
  }
}

it('10 000 connections opened and dropped leave nothing behind', async () => {
  host = await RemoteHost.start('echo');
  await openAndDropBatches(10);
  const before = await host.heldWhenEmpty();
  await openAndDropBatches(50);
  const after = await host.heldWhenEmpty();
  expect(after.live - before.live).toBeLessThan(MB);
  expect(await host.ask('close')).toBe(0);
  expect(host.printed).toBe('');
}, 60_000);

it('1 000 connections open at once are all given back', async () => {
  host = await RemoteHost.start('echo');
  await openAndDropBatches(10);
  const before = await host.heldWhenEmpty();
  for (let round = 0; round < 3; round++) {
    const clients: RawClient[] = [];
    for (let i = 0; i < 5; i++)
      clients.push(...(await Promise.all(Array.from({ length: BATCH }, () => RawClient.open(host.port)))));
    expect((await host.ask('held')).connections).toBe(1_000);
    for (const client of clients) client.destroy();
    await host.heldWhenEmpty();
  }
  expect((await host.heldWhenEmpty()).live - before.live).toBeLessThan(MB);
}, 60_000);
