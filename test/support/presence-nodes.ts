import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { RawClient } from './raw-client.js';

const CHILD = path.join(import.meta.dirname, 'presence-node.child.ts');
const TYPESCRIPT = path.join(import.meta.dirname, 'typescript.js');

/** Who is to be there: the statuses of the metas by key, in alphabetical order. */
export type PresenceTask = Record<string, readonly string[]>;

/** What a node has when it has that. */
export interface PresenceReport {
  /** Its list, by `phx_ref`. */
  readonly list: unknown;
  /** The same, put together from the diffs that a listener got from the beginning. */
  readonly diffed: unknown;
  /** Joins and leaves that the listener cannot have got. */
  readonly faults: readonly string[];
}

/** A node in a process of its own. */
export class PresenceProcess {
  readonly #child: ChildProcess;
  readonly #clients: RawClient[] = [];
  readonly #died: Promise<never>;

  private constructor(
    child: ChildProcess,
    readonly port: number,
  ) {
    this.#child = child;
    this.#died = once(child, 'exit').then(() => Promise.reject(new Error('the node has died')));
    // Where nobody waits for it, it is killed.
    this.#died.catch(() => {});
  }

  static async start(brokerUrl: string, topic: string): Promise<PresenceProcess> {
    const child = fork(CHILD, [brokerUrl, topic], { execArgv: ['--import', TYPESCRIPT], silent: true });
    let printed = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const [{ port }] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`the node did not start:\n${printed}`))),
    ])) as [{ port: number }];
    return new PresenceProcess(child, port);
  }

  /** Opens a connection that is present under a key. */
  async open(key: string): Promise<RawClient> {
    const client = await RawClient.dial(this.port);
    this.#clients.push(client);
    await client.request({ path: `/${key}` });
    return client;
  }

  /** Waits until the node knows exactly these. */
  async until(task: PresenceTask): Promise<PresenceReport> {
    const answer = once(this.#child, 'message') as Promise<[PresenceReport]>;
    this.#child.send(task);
    return (await Promise.race([answer, this.#died]))[0];
  }

  /** SIGKILL: it dies without a word. */
  async kill(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
