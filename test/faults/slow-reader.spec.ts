import { encodeFrame, OPCODE } from '../support/frames.js';
import { RawClient } from '../support/raw-client.js';
import { RemoteHost, type Held } from '../support/remote-host.js';
import { SlowReader } from '../support/slow-reader.js';
import { elapse } from '../support/timing.js';

const MiB = 1_048_576;
const REQUESTS = 1_000;

let host: RemoteHost;
afterEach(() => host.stop());

const request = (n: number) => encodeFrame({ opcode: OPCODE.text, payload: String(n) });

/** What the server sends for one request: its number, and 1 MiB. */
function replyBytes(n: number): Buffer {
  const text = encodeFrame({ opcode: OPCODE.text, payload: String(n), mask: false });
  return Buffer.concat([text, block]);
}
const block = encodeFrame({ opcode: OPCODE.binary, payload: Buffer.alloc(MiB, 'x'), mask: false });

/** Holds a stream of chunks to the bytes that have to come: the head of a 101, then every reply in turn. */
class Expected {
  replies = 0;
  #head = '';
  #rest: Buffer = Buffer.alloc(0);

  check(chunk: Buffer): void {
    const bytes = this.#head.endsWith('\r\n\r\n') ? chunk : this.#skipHead(chunk);
    for (let offset = 0; offset < bytes.length;) {
      if (this.#rest.length === 0) this.#rest = replyBytes(this.replies++);
      const n = Math.min(this.#rest.length, bytes.length - offset);
      if (this.#rest.compare(bytes, offset, offset + n, 0, n) !== 0)
        throw new Error(`wrong bytes in reply ${this.replies - 1}`);
      this.#rest = this.#rest.subarray(n);
      offset += n;
    }
  }

  get isWhole(): boolean {
    return this.#rest.length === 0;
  }

  #skipHead(chunk: Buffer): Buffer {
    const end = chunk.indexOf('\r\n\r\n') + 4;
    this.#head = chunk.toString('latin1', 0, end);
    return chunk.subarray(end);
  }
}

/** Watches what the server holds, and how quickly it answers someone else, until told to stop. */
class Watch {
  readonly held: Held[] = [];
  readonly latencies: number[] = [];
  #running = true;
  readonly #done: Promise<unknown>;

  constructor(private readonly other: RawClient) {
    this.#done = Promise.all([this.#measure(), this.#echo()]);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #measure(): Promise<void> {
    while (this.#running) {
      this.held.push(await host.ask('held'));
      await elapse(250);
    }
  }

  async #echo(): Promise<void> {
    while (this.#running) {
      const begin = performance.now();
      this.other.binary('are you there?');
      await this.other.nextFrame();
      this.latencies.push(performance.now() - begin);
      await elapse(5);
    }
  }
}

const peak = (held: Held[], of: 'live' | 'rss') => Math.max(...held.map((sample) => sample[of]));
const percentile = (values: number[], p: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * p) - 1]!;

/** All the requests in one go, and a check of everything that comes back. */
async function requestAll(count: number): Promise<[SlowReader, Expected]> {
  const requests = Buffer.concat(Array.from({ length: count }, (_, n) => request(n)));
  const expected = new Expected();
  const reader = await SlowReader.open(host.port, requests);
  reader.socket.on('data', (chunk: Buffer) => expected.check(chunk));
  return [reader, expected];
}

it('1 GB of replies to a reader that pauses 10 s and then reads slowly: no growth, no loss, no harm to others', async () => {
  host = await RemoteHost.start('generous');
  const other = await RawClient.open(host.port);
  // Growth is against a process that has done the same work for a client that reads at once.
  const [warmUp, warm] = await requestAll(500);
  while (warm.replies < 500 || !warm.isWhole) await warmUp.read(1);
  warmUp.socket.destroy();
  const before = await host.ask('held');

  const watch = new Watch(other);
  const [reader, expected] = await requestAll(REQUESTS);
  await elapse(10_000);
  expect(reader.received).toBe(0);
  const paused = [...watch.held];
  while (expected.replies < REQUESTS - 8) {
    await reader.read(8 * MiB);
    await elapse(100);
  }
  while (!expected.isWhole || expected.replies < REQUESTS) await reader.read(1);
  await watch.stop();

  expect(peak(watch.held, 'live') - before.live).toBeLessThan(16 * MiB);
  // While it reads, the process also has what the handler allocated and V8 has not collected yet, whoever reads.
  expect(peak(paused, 'rss') - before.rss).toBeLessThan(16 * MiB);
  expect(percentile(watch.latencies, 0.99)).toBeLessThan(250);
  expect(other.tcpEnd).toBe('open');
  // Still in order, and nothing behind the last reply.
  reader.socket.write(request(REQUESTS));
  while (expected.replies === REQUESTS || !expected.isWhole) await reader.read(1);
  reader.socket.destroy();
  expect(host.printed).toBe('');
}, 90_000);
