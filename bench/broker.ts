import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';

export type BrokerName = 'redis' | 'nats';

const START_WITHIN = 10_000;

/** What is run, nothing kept on disk; and what is told when it is not there. */
const programs = {
  redis: {
    command: 'redis-server',
    args: (port: number) => ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  },
  nats: {
    command: 'nats-server',
    args: (port: number) => ['--addr', '127.0.0.1', '--port', `${port}`],
  },
} as const;

/** A broker of the PATH in a process of its own, on a free port of the loopback interface. */
export class Broker {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  get pid(): number {
    return this.child.pid!;
  }

  /** @throws Error that says how to install it */
  static async start(name: BrokerName): Promise<Broker> {
    const { command, args } = programs[name];
    const port = await freePort();
    const child = spawn(command, args(port), { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
    } catch {
      throw new Error(`no ${command} on the PATH: run "apt-get install ${command}" as root`);
    }
    try {
      await answered(port, child);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return new Broker(child, `${name}://127.0.0.1:${port}`);
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when somebody listens. */
async function answered(port: number, child: ChildProcess): Promise<void> {
  for (const signal = AbortSignal.timeout(START_WITHIN); !signal.aborted; await later(20)) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
  }
  throw new Error(`${child.spawnfile} is silent`);
}
