import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { contenderOf, type ContenderName } from './servers/index.js';
import type { Work } from './work.js';

const START_WITHIN = 30_000;

const fileOf = (name: ContenderName) =>
  path.join(import.meta.dirname, 'servers', `${contenderOf(name).file}.js`);

/** Is there such a server? */
export const isBuilt = (name: ContenderName) => existsSync(fileOf(name));

/** A contender in a process of its own, on a free port of the loopback interface. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  get pid(): number {
    return this.child.pid!;
  }

  /** @throws Error if it ends, or is silent, instead of saying that it is ready */
  static async start(name: ContenderName, work: Work, brokerUrl?: string): Promise<ServerProcess> {
    const child = spawn(process.execPath, ['--expose-gc', fileOf(name)], {
      // Optional native helpers of ws that only some of the peers would find.
      env: {
        ...process.env,
        NODE_ENV: 'production',
        WS_NO_BUFFER_UTIL: '1',
        WS_NO_UTF_8_VALIDATE: '1',
        ...contenderOf(name).env,
        WORK: work,
        ...(brokerUrl === undefined ? {} : { BROKER_URL: brokerUrl }),
      },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    try {
      return new ServerProcess(child, await portOf(child));
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not start: ${(error as Error).message}`);
    }
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      throw new Error(`The server has ended by itself: ${this.child.signalCode ?? this.child.exitCode}.`);
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exit;
  }
}

/** From the line `ready <port>`. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it is silent')), START_WITHIN);
    child.once('exit', (code, signal) => reject(new Error(`it ended with ${signal ?? code}`)));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const port = /^ready (\d+)$/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}
