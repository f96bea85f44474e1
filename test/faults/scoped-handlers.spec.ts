import { encodeFrame, OPCODE } from '../support/frames.js';
import { RawClient } from '../support/raw-client.js';
import { RemoteHost } from '../support/remote-host.js';
import type { Platform } from '../support/nest.js';

const BATCH = 200;
const MB = 1_000_000;

let host: RemoteHost;
afterEach(() => host.stop());

/** One client that says hello, by the handler's own path or by that of a controller, and leaves in good order or not. */
async function openAndLeave(index: number): Promise<void> {
  const path = index % 2 === 0 ? '/declared' : '/called';
  const hello = encodeFrame({ opcode: OPCODE.text, payload: 'hello' });
  const client = await RawClient.open(host.port, { path }, hello);
  await client.nextText();
  if (index % 4 < 2) client.close(1000);
  else client.end();
  await client.ended();
  client.destroy();
}

async function openAndLeaveBatches(count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await Promise.all(Array.from({ length: BATCH }, (_, index) => openAndLeave(index)));
}

/** Finalizers hold memory until they have run. */
async function heldWhenCollected(): Promise<{ live: number; instances: number }> {
  await host.heldWhenEmpty();
  const instances = await host.ask('instances');
  return { instances, live: (await host.heldWhenEmpty()).live };
}

it.each<[Platform, total: number]>([
  ['express', 20_000],
  ['fastify', 2_000],
])(
  'a handler with a scope: on %s %i connections leave nothing behind',
  async (platform, total) => {
    host = await RemoteHost.fork('scoped-host.child.ts', platform);
    await openAndLeaveBatches(20);
    const before = await heldWhenCollected();
    await openAndLeaveBatches(total / BATCH);
    const after = await heldWhenCollected();
    expect(after.live - before.live).toBeLessThan(MB);
    // One that is still on a stack somewhere may be left.
    expect(after.instances).toBeLessThan(10);
    expect(host.printed).toBe('');
  },
  120_000,
);
