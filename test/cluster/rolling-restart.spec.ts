import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Broker, freePort } from '../support/brokers.js';
import { ReturningClient, type Session } from '../support/returning-client.js';

const CHILD = path.join(import.meta.dirname, '../support/rolling-node.child.ts');
const TYPESCRIPT = path.join(import.meta.dirname, '../support/typescript.js');
const CLIENTS = 6;
const ENOUGH = 400;

/** A node's process, until it is told to go. */
class Node {
  printed = '';

  private constructor(
    readonly run: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  static async start(run: string, port: number, { url }: Broker): Promise<Node> {
    const child = fork(CHILD, [run, `${port}`, url], { execArgv: ['--import', TYPESCRIPT], silent: true });
    const node = new Node(run, child);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(node.printed))),
    ]);
    return node;
  }

  /** Has it write to a connection as long as it lives. */
  writeTo({ received }: Session): void {
    this.child.send(received[0]!.replace('ref ', ''));
  }

  /** A SIGTERM, as every process manager sends it; how many messages it had accepted when the drain began. */
  async terminate(): Promise<number> {
    const exit = once(this.child, 'exit');
    const told = once(this.child, 'message') as Promise<[{ accepted: number }]>;
    this.child.kill('SIGTERM');
    const [{ accepted }] = await told;
    await exit;
    return accepted;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}

/** The numbers of what a node's run published, as a session got them. */
const numbersOf = (run: string, { received }: Session) =>
  received.filter((line) => line.startsWith(`${run} `)).map((line) => Number(line.slice(run.length + 1)));

/** From the first to the last, each once, in order. */
function expectNoHole(run: string, session: Session): void {
  const numbers = numbersOf(run, session);
  const first = numbers[0] ?? 0;
  expect(numbers).toEqual(numbers.map((_, i) => first + i));
}

/** Looks at each line once: it is asked at every message. */
function hasEnough(run: string): (session: Session) => boolean {
  let of: Session;
  let looked = 0;
  let count = 0;
  return (session) => {
    if (session !== of) [of, looked, count] = [session, 0, 0];
    for (; looked < session.received.length; looked++)
      if (session.received[looked]!.startsWith(`${run} `)) count++;
    return count >= ENOUGH;
  };
}

const allHave = (run: string, clients: readonly ReturningClient[]) =>
  Promise.all(clients.map((client) => client.until(`news of ${run}`, hasEnough(run))));

describe.each(['redis', 'nats'] as const)('a rolling restart on %s', (kind) => {
  let broker: Broker;
  const nodes: Node[] = [];
  const clients: ReturningClient[] = [];

  async function startNode(run: string, port: number): Promise<Node> {
    const node = await Node.start(run, port, broker);
    nodes.push(node);
    return node;
  }

  /** Clients of the first port, which know both. */
  function connect(...ports: number[]): ReturningClient[] {
    const added = Array.from({ length: CLIENTS }, () => new ReturningClient('/news', ports));
    clients.push(...added);
    return added;
  }

  beforeAll(async () => {
    broker = await Broker.start(kind);
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await Promise.all(nodes.map((node) => node.kill()));
    await broker?.stop();
  });

  it('loses nothing that was accepted before the drain, and nothing of those who stay', async () => {
    const [a, b] = [await freePort(), await freePort()];
    const [a1, b1] = await Promise.all([startNode('A1', a), startNode('B1', b)]);
    const ofA = connect(a, b);
    const ofB = connect(b, a);
    await Promise.all([allHave('A1', clients), allHave('B1', clients)]);
    a1.writeTo(ofB[0]!.session);
    await ofB[0]!.until('letters', hasEnough('A1-letter'));

    // A goes; its clients come to B, and find their topic.
    const acceptedByA1 = await a1.terminate();
    await allHave('B1', ofA);
    const stayed = ofB.map(({ session }) => session);
    const left = ofA.map(({ sessions }) => sessions[0]!);
    expect([...left.map(({ code }) => code), ...ofA.map(({ session }) => session.port)]).toEqual([
      ...ofA.map(() => 1012),
      ...ofA.map(() => b),
    ]);
    for (const session of [...stayed, ...left]) {
      expect(numbersOf('A1', session).at(-1)).toBeGreaterThanOrEqual(acceptedByA1 - 1);
    }
    expect(numbersOf('A1-letter', stayed[0]!).at(-1)).toBeGreaterThanOrEqual(acceptedByA1 - 1);

    // It comes back: who is on B hears it from its first word.
    await startNode('A2', a);
    await allHave('A2', [...ofA, ...ofB]);
    for (const { session } of clients) expect(numbersOf('A2', session)[0]).toBe(0);

    // B goes; everybody comes to A, where others are by now.
    const staying = connect(a, b);
    await allHave('B1', staying);
    const leaving = [...ofA, ...ofB].map(({ session }) => session);
    const acceptedByB1 = await b1.terminate();
    await allHave('A2', clients);
    expect(clients.map(({ session }) => session.port)).toEqual(clients.map(() => a));
    for (const session of [...leaving, ...staying.map((client) => client.session)]) {
      expect(numbersOf('B1', session).at(-1)).toBeGreaterThanOrEqual(acceptedByB1 - 1);
    }

    await startNode('B2', b);
    await allHave('B2', clients);
    for (const session of clients.flatMap(({ sessions }) => sessions)) {
      for (const run of ['A1', 'A1-letter', 'B1', 'A2', 'B2']) expectNoHole(run, session);
    }
    expect(nodes.map(({ printed }) => printed)).toEqual(nodes.map(() => ''));
  }, 120_000);
});
