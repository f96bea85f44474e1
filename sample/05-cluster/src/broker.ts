import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';

export type BrokerName = 'redis' | 'nats';

export interface Broker {
  readonly url: string;
  stop(): void;
}

const programs = {
  redis: ['redis-server', '--bind', '127.0.0.1', '--save', '', '--port'],
  nats: ['nats-server', '--addr', '127.0.0.1', '--port'],
} as const;

/**
 * The broker at REDIS_URL or NATS_URL; else one of the PATH, on a free port.
 *
 * @throws Error that says how to install it
 */
export async function broker(name: BrokerName): Promise<Broker> {
  const url = process.env[`${name.toUpperCase()}_URL`];
  return url ? { url, stop() {} } : startBroker(name);
}

async function startBroker(name: BrokerName): Promise<Broker> {
  const [command, ...args] = programs[name];
  const port = await freePort();
  // In a group of its own: Ctrl-C is for the nodes first, which have something to say through it.
  const child = spawn(command, [...args, `${port}`], { stdio: 'ignore', detached: true });
  await once(child, 'spawn').catch(() => {
    throw new Error(
      `There is no ${command}: install it (apt-get install ${command}; brew install ${name === 'redis' ? name : command}), or name one in ${name.toUpperCase()}_URL.`,
    );
  });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command} ended with exit code ${child.exitCode}.`);
    await later(20);
  }
  return { url: `${name}://127.0.0.1:${port}`, stop: () => void child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isThere = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isThere;
}
