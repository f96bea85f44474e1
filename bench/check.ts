import { once } from 'node:events';
import { setTimeout as later } from 'node:timers/promises';
import type { Deployment } from './deployment.js';
import type { ServerProcess } from './server-process.js';
import type { Wire } from './servers/index.js';
import { COUNT, TOKEN, type Work } from './work.js';
import { WebSocket } from './ws.js';

const ANSWER_WITHIN = 10_000;
const PROBE = 'are you there?';

/** A client that waits for what it is due, for a limited time. */
class Client {
  private readonly arrived: string[] = [];
  private announce = () => {};

  private constructor(
    private readonly socket: WebSocket,
    private readonly wire: Wire,
    private readonly work: Work,
  ) {
    socket.on('message', (data, isBinary) => {
      // Text is said here, and text must come back.
      if (isBinary) this.arrived.push('something binary');
      else this.arrived.push(this.wire === 'events' ? JSON.parse(data.toString()).data : data.toString());
      this.announce();
    });
  }

  static async open({ port }: ServerProcess, work: Work, wire: Wire, query = ''): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${work}${query}`);
    const client = new Client(socket, wire, work);
    await once(socket, 'open', { signal: AbortSignal.timeout(ANSWER_WITHIN) });
    return client;
  }

  get extensions(): string {
    return this.socket.extensions;
  }

  say(data: string): void {
    this.socket.send(this.wire === 'events' ? JSON.stringify({ event: this.work, data }) : data);
  }

  hasHeard(word: string): boolean {
    return this.arrived.includes(word);
  }

  /**
   * @param ignored what may come before
   * @throws Error if anything else comes, or nothing
   */
  async expect(wanted: readonly string[], ignored?: string): Promise<void> {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const missing = () => this.arrived.filter((word) => word !== ignored).length < wanted.length;
    while (missing() && !signal.aborted) await this.more(signal);
    const came = this.arrived.splice(0);
    const got = JSON.stringify(came.slice(came.findLastIndex((word) => word === ignored) + 1));
    if (got !== JSON.stringify(wanted)) throw new Error(`wrong answer: ${got.slice(0, 100)} …`);
  }

  close(): void {
    this.socket.terminate();
  }

  private more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.announce = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

type Check = (
  server: ServerProcess,
  work: Work,
  wire: Wire,
  others: readonly ServerProcess[],
) => Promise<void>;

/** What the load generator cannot see while it counts. Done in each run, before anything is measured. */
const checks: Readonly<Record<Work, Check>> = {
  echo: answersOne,
  'echo-async': answersOne,
  receive: countsWhatItGets,
  broadcast: tellsEverybody,
  'broadcast-deflate': tellsEverybody,
  topic: tellsEverybody,
  guarded: refusesStrangers,
  room: reachesAllNodes,
};

export const check = ({ servers: [server, ...others], wire }: Deployment, work: Work) =>
  // Socket.IO's clients speak first; the generator looks at each of its answers anyway.
  wire === 'socket.io' ? Promise.resolve() : checks[work](server!, work, wire, others);

async function answersOne(server: ServerProcess, work: Work, wire: Wire): Promise<void> {
  const client = await Client.open(server, work, wire);
  client.say('hello');
  await client.expect(['hello']);
  client.close();
}

async function countsWhatItGets(server: ServerProcess, work: Work, wire: Wire): Promise<void> {
  const client = await Client.open(server, work, wire);
  for (const word of ['one', 'two', 'three', COUNT]) client.say(word);
  await client.expect(['3']);
  client.close();
}

async function tellsEverybody(server: ServerProcess, work: Work, wire: Wire): Promise<void> {
  const clients = await Promise.all([1, 2, 3].map(() => Client.open(server, work, wire)));
  const news = ['first', 'x'.repeat(2_048), 'last'];
  for (const message of news) clients[0]!.say(message);
  for (const client of clients) {
    await client.expect(news);
    if (work === 'broadcast-deflate' && !client.extensions.includes('permessage-deflate'))
      throw new Error('permessage-deflate was not negotiated');
    client.close();
  }
}

/** What a client of any node says comes to those of all, in order. */
async function reachesAllNodes(
  server: ServerProcess,
  work: Work,
  wire: Wire,
  others: readonly ServerProcess[],
): Promise<void> {
  const clients = await Promise.all([server, ...others].map((node) => Client.open(node, work, wire)));
  const news = ['first', 'x'.repeat(2_048), 'last'];
  for (const speaker of clients) {
    // A node may still be asking the broker for the topic.
    const patience = AbortSignal.timeout(ANSWER_WITHIN);
    for (; !clients.every((client) => client.hasHeard(PROBE)) && !patience.aborted; await later(50))
      speaker.say(PROBE);
    for (const message of news) speaker.say(message);
    for (const client of clients) await client.expect(news, PROBE);
  }
  for (const client of clients) client.close();
}

async function refusesStrangers(server: ServerProcess, work: Work, wire: Wire): Promise<void> {
  const stranger = await Client.open(server, work, wire, '?token=wrong').catch((error: Error) => error);
  if (!(stranger instanceof Error)) throw new Error('a request without the token was let in');
  if (!stranger.message.includes('403')) throw stranger;
  const client = await Client.open(server, work, wire, `?token=${TOKEN}`);
  client.say('hello');
  await client.expect(['hello']);
  client.close();
}
