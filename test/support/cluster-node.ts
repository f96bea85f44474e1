import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Commands } from './cluster-node.child.js';
import { Log } from './log.js';

/** Which clause of a recorder's got an info, and the info. */
export type Recorded = readonly [clause: 'posted' | 'info', info: unknown];

type Answer = { id: number; result?: unknown; error?: { name: string; code?: string; message: string } };
type Told = { event: string; facts: unknown[] };

/** On a machine that has other things to do a process takes long to start, and to answer; ms. */
const STARTING = 60_000;
const PATIENCE = 20_000;

/** A node of a cluster: a Nest app in a process of its own, that does what it is asked. */
export class ClusterNode {
  /** What each of its references begins with. */
  name = '';
  printed = '';
  readonly #child: ChildProcess;
  readonly #events = new Map<string, Log<unknown[]>>();
  readonly #recorded = new Map<string, Log<Recorded>>();
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #nextId = 0;

  private constructor(url: string) {
    const child = fork(path.join(import.meta.dirname, 'cluster-node.child.ts'), [url], {
      execArgv: ['--import', path.join(import.meta.dirname, 'typescript.js')],
      silent: true,
      // Dates, maps, buffers and so on are asked and answered as what they are.
      serialization: 'advanced',
    });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    child.on('message', (message: Answer | Told) =>
      'event' in message ? this.#told(message) : this.#answered(message),
    );
  }

  static async start(url: string): Promise<ClusterNode> {
    const node = new ClusterNode(url);
    const exited = once(node.#child, 'exit').then(() => Promise.reject(new Error(node.printed)));
    exited.catch(() => {});
    try {
      [node.name] = (await Promise.race([node.next('ready', STARTING), exited])) as [string];
    } catch (error) {
      await node.kill();
      throw error;
    }
    return node;
  }

  /** Rejects with what the node threw: an error with its `name`, `code` and `message`. */
  ask<N extends keyof Commands>(
    name: N,
    ...args: Parameters<Commands[N]>
  ): Promise<Awaited<ReturnType<Commands[N]>>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ result, error }) => {
        if (error) reject(Object.assign(new Error(error.message), error));
        else resolve(result as Awaited<ReturnType<Commands[N]>>);
      });
      this.#child.send({ id, name, args });
    });
  }

  /** The facts of the next event of a name. */
  next(event: string, patience = PATIENCE): Promise<unknown[]> {
    return logOf(this.#events, event).next(patience);
  }

  /** What of an event has been told so far. */
  allOf(event: string): readonly unknown[][] {
    return logOf(this.#events, event).all;
  }

  /** The next info that a recorder of this node's gets. */
  nextInfo(ref: string, patience = PATIENCE): Promise<Recorded> {
    return logOf(this.#recorded, ref).next(patience);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #told({ event, facts }: Told): void {
    if (event !== 'recorded') return logOf(this.#events, event).add(facts);
    const [ref, item] = facts as [string, Recorded];
    logOf(this.#recorded, ref).add(item);
  }

  #answered(answer: Answer): void {
    this.#asked.get(answer.id)?.(answer);
    this.#asked.delete(answer.id);
  }
}

function logOf<T>(logs: Map<string, Log<T>>, name: string): Log<T> {
  const log = logs.get(name) ?? new Log<T>();
  logs.set(name, log);
  return log;
}
