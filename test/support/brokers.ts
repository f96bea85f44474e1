import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** How a broker is started, and found. */
interface Kind {
  readonly program: string;
  /** Names one that runs already. */
  readonly variable: string;
  readonly url: (port: number) => string;
  readonly args: (port: number, folder: string) => string[];
  /** In the line that it prints when it can be connected to. */
  readonly ready: string;
}

const KINDS = {
  redis: {
    program: 'redis-server',
    variable: 'REDIS_URL',
    url: (port) => `redis://127.0.0.1:${port}`,
    args: (port, folder) =>
      `--port ${port} --bind 127.0.0.1 --protected-mode no --daemonize no --appendonly no --dir ${folder} --save`
        .split(' ')
        .concat(''),
    ready: 'Ready to accept connections',
  },
  nats: {
    program: 'nats-server',
    variable: 'NATS_URL',
    url: (port) => `nats://127.0.0.1:${port}`,
    args: (port) => ['-a', '127.0.0.1', '-p', String(port)],
    ready: 'Server is ready',
  },
} satisfies Record<string, Kind>;

export type BrokerKind = keyof typeof KINDS;

/** Whether specs may kill and pause the broker: not one that a variable names, and that others may use. */
export function canKill(kind: BrokerKind): boolean {
  return !process.env[KINDS[kind].variable] && canStart(kind);
}

/**
 * Whether there is a program to start, for specs that need a broker with settings of their own.
 *
 * @throws what to install, in one line, when there is neither a program nor a variable
 */
export function canStart(kind: BrokerKind): boolean {
  const { program, variable } = KINDS[kind];
  if (isOnPath(program)) return true;
  if (process.env[variable]) return false;
  const error = new Error(
    `${program} is not on the PATH: \`apt-get install redis-server nats-server\`, or set ${variable} to a broker's URL`,
  );
  delete error.stack;
  throw error;
}

/** A real broker in a process of its own, which ends with this process at the latest. */
export class Broker {
  readonly url: string;
  readonly #kind: Kind;
  readonly #port: number;
  readonly #args: readonly string[];
  readonly #folder: string | undefined;
  #keeper: ChildProcess | undefined;
  #pid = 0;

  /** @param args for this program, beside the usual; then it is always one of our own */
  static async start(kind: BrokerKind, ...args: string[]): Promise<Broker> {
    if (!canKill(kind) && args.length === 0) return new Broker(KINDS[kind], 0, args);
    for (let attempt = 1; ; attempt += 1) {
      const broker = new Broker(KINDS[kind], await freePort(), args);
      try {
        await broker.start();
        return broker;
      } catch (error) {
        await broker.stop();
        // Somebody else was faster to take the port.
        if (attempt === 5) throw error;
      }
    }
  }

  private constructor(kind: Kind, port: number, args: readonly string[]) {
    this.#kind = kind;
    this.#port = port;
    this.#args = args;
    this.url = port === 0 ? process.env[kind.variable]! : kind.url(port);
    this.#folder = port === 0 ? undefined : mkdtempSync(path.join(tmpdir(), `${kind.program}-`));
  }

  /** Resolves when it can be connected to, on the port that it always has. */
  async start(): Promise<void> {
    const { program, args, ready } = this.#kind;
    // The shell kills it as soon as its own input ends, which it does when this process dies, however it does.
    const script =
      'exec 3<&0; "$@" 2>&1 </dev/null & echo "pid $!"; read _ <&3; kill -9 $! 2>/dev/null; wait';
    const keeper = spawn(
      'sh',
      ['-c', script, 'sh', program, ...args(this.#port, this.#folder!), ...this.#args],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    this.#keeper = keeper;
    const printed: string[] = [];
    const lines = createInterface(keeper.stdout);
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.startsWith('pid ')) this.#pid = Number(line.slice(4));
        if (line.includes(ready)) resolve();
        if (printed.push(line) > 50) printed.shift();
        if (/Address already in use|address already in use/.test(line)) reject(new Error(line));
      });
      keeper.once('exit', () => reject(new Error(`${program} did not start:\n${printed.join('\n')}`)));
      keeper.once('error', reject);
    });
  }

  /** Itself, if it may be killed. */
  get control(): Broker | undefined {
    return this.#folder === undefined ? undefined : this;
  }

  /** SIGKILL. Resolves when it is dead. */
  async kill(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    this.#keeper = undefined;
    if (keeper.exitCode !== null || keeper.signalCode !== null) return;
    const exit = once(keeper, 'exit');
    keeper.stdin!.end();
    await exit;
  }

  /** It answers nobody until `resume()`. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  /** With all that it has left. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Below those that the system gives to outgoing connections, so that it is still free when the broker is restarted. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
