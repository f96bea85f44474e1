import type { AddressInfo } from 'node:net';
import type { Work } from '../work.js';

/** What this server has been started for. */
export const work = process.env.WORK as Work;

/** Of a cluster's broker. */
export const brokerUrl = process.env.BROKER_URL!;

/** Picks what `work` asks for. A server that does not know it ends at once. */
export function chosen<V>(known: Partial<Record<Work, V>>): V {
  const choice = known[work];
  if (choice === undefined) throw new Error(`This server does not know the work "${work}".`);
  return choice;
}

/** How every server talks to the runner: it says its port; SIGUSR2 collects garbage, SIGTERM ends it. */
export function ready(port: number): void {
  process.on('SIGUSR2', () => {
    // Twice: what the first run finalises the second frees.
    globalThis.gc?.();
    globalThis.gc?.();
  });
  process.on('SIGTERM', () => process.exit(0));
  // Nor does it outlive the runner.
  process.on('disconnect', () => process.exit(0));
  console.log(`ready ${port}`);
}

export const portOf = (server: { address(): AddressInfo | string | null }) =>
  (server.address() as AddressInfo).port;
