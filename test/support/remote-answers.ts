import type { Server } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { Connections } from '../../src/core.js';
import type { Answers, Held } from './remote-host.js';

/** The host's side of `RemoteHost`: answers what the parent process asks, and ends with it. */
export function answerParent(answers: { [Q in keyof Answers]?: () => Promise<Answers[Q]> }): void {
  process.on('message', async (question: keyof Answers) => process.send!(await answers[question]!()));
  process.once('disconnect', () => process.exit());
}

/** What this process holds. */
export async function measureHeld(server: Server, connections: Connections): Promise<Held> {
  // Once more after finalizers have run, and with nothing between it and the reading.
  globalThis.gc!();
  await turn();
  globalThis.gc!();
  const { heapUsed, external, rss } = process.memoryUsage();
  const tcpConnections = await new Promise<number>((resolve) =>
    server.getConnections((_error, count) => resolve(count)),
  );
  return { live: heapUsed + external, rss, connections: connections.list().length, tcpConnections };
}
