import { deflateRawSync } from 'node:zlib';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { Random } from '../support/random.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { RemoteHost } from '../support/remote-host.js';

const BATCH = 50;

let host: RemoteHost;
beforeEach(async () => (host = await RemoteHost.start('echo', { compress: true, maxMessageSize: 100_000 })));
afterEach(() => host.stop());

/** A frame that is right, or might be. */
function frame(random: Random): Buffer {
  const size = random.pick([0, 1, 2, 5, 124, 125, 126, 127, 500, 65_535, 65_536, 110_000]);
  const payload = random.chance(3)
    ? deflateRawSync(Buffer.alloc(size, 'x'))
    : random.bytes(Math.min(size, 600));
  return encodeFrame({
    fin: !random.chance(4),
    rsv: random.chance(3) ? 4 : random.chance(20) ? random.below(8) : 0,
    opcode: random.chance(10) ? random.below(16) : random.pick(Object.values(OPCODE)),
    mask: !random.chance(30),
    claimedLength: random.chance(30) ? random.below(2 ** 40) : undefined,
    payload,
  });
}

/** Flips, cuts out, doubles or puts in some bytes. */
function mutate(bytes: Buffer, random: Random): Buffer {
  const [from, to] = [random.below(bytes.length + 1), random.below(bytes.length + 1)].sort((a, b) => a - b);
  switch (random.below(5)) {
    case 0:
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, from), random.bytes(random.below(20)), bytes.subarray(from)]);
    default:
      return bytes;
  }
}

function garbage(random: Random): Buffer {
  if (random.chance(4)) return random.bytes(random.below(2_000));
  const frames = Buffer.concat(Array.from({ length: 1 + random.below(6) }, () => frame(random)));
  return mutate(frames, random);
}

/** Sends it in a few pieces, then leaves one way or another, and waits until the server has ended its side as well. */
async function send(client: RawClient, bytes: Buffer, random: Random): Promise<void> {
  const cut = random.below(bytes.length + 1);
  client.write(bytes.subarray(0, cut));
  if (random.chance(3)) await new Promise(setImmediate);
  client.write(bytes.subarray(cut));
  if (random.chance(3)) return client.reset();
  client.end();
  await client.ended();
  client.destroy();
}

async function expectUnharmed(): Promise<void> {
  await host.heldWhenEmpty();
  const client = await RawClient.open(host.port);
  client.text('still here');
  expect(await client.nextText()).toBe('still here');
  client.destroy();
  await host.heldWhenEmpty();
  expect(await host.ask('close')).toBe(0);
  expect(host.isAlive).toBe(true);
  expect(host.printed).toBe('');
}

async function inBatches(count: number, run: (random: Random) => Promise<void>): Promise<void> {
  for (let seed = 0; seed < count; seed += BATCH)
    await Promise.all(Array.from({ length: BATCH }, (_, i) => run(new Random(seed + i))));
}

it('4 000 connections that send random bytes and mutated frames crash nothing', async () => {
  await inBatches(4_000, async (random) => {
    const headers = { 'Sec-WebSocket-Extensions': random.pick(['permessage-deflate', null]) };
    const early = random.chance(3) ? garbage(random) : '';
    const client = await RawClient.open(host.port, { headers }, early);
    expect(client.status).toBe(101);
    await send(client, garbage(random), random);
  });
  await expectUnharmed();
}, 60_000);

it('1 000 mutated handshakes crash nothing', async () => {
  await inBatches(1_000, async (random) => {
    let request = requestBytes({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; x=1, foo' } });
    for (let n = random.below(4); n >= 0; n--) request = mutate(request, random);
    const client = await RawClient.dial(host.port);
    await send(client, Buffer.concat([request, garbage(random)]), random);
  });
  await expectUnharmed();
}, 60_000);
