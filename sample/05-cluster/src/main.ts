import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { broker, type BrokerName } from './broker.js';
import type { NodeAddress } from './messages.js';
import type { Settings } from './settings.js';

/** `npm start -- 05-cluster [redis | nats]`: two nodes, and a broker between them. */
const name: BrokerName =
  process.argv[3] === 'nats' || (!process.argv[3] && process.env.NATS_URL) ? 'nats' : 'redis';
const first = Number(process.env.PORT ?? 3000);
const nodes: NodeAddress[] = [
  { name: 'A', host: `localhost:${first}` },
  { name: 'B', host: `localhost:${first + 1}` },
];
const running = new Map<string, ChildProcess>();
let isStopping = false;

/** One that ends is started again, as a process manager would. */
async function start({ name: node, host }: NodeAddress, url: string): Promise<void> {
  const settings: Settings = { node, nodes, broker: url };
  const child = fork(path.join(import.meta.dirname, 'node.js'), {
    env: { ...process.env, PORT: host.split(':')[1], SETTINGS: JSON.stringify(settings) },
  });
  running.set(node, child);
  child.once('exit', (code, signal) => {
    running.delete(node);
    if (isStopping) return;
    console.log(`Node ${node} has ended (${signal ?? code}).`);
    setTimeout(() => void start({ name: node, host }, url), 3_000);
  });
  await once(child, 'message');
  console.log(`Node ${node}: http://${host} (pid ${child.pid})`);
}

const { url, stop } = await broker(name);
console.log(`Broker: ${url}`);
await Promise.all(nodes.map((node) => start(node, url)));
console.log('Open both in two windows. Ctrl-C stops everything.');

async function stopAll(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await Promise.all([...running.values()].map((child) => child.kill() && once(child, 'exit')));
  stop();
  process.exit();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stopAll());
