import { Broker } from './broker.js';
import type { Row } from './rows.js';
import { ServerProcess } from './server-process.js';
import { contenderOf, type ContenderName, type Wire } from './servers/index.js';

/** A contender as a row wants it: one process, or the nodes of a cluster and their broker. */
export interface Deployment {
  readonly servers: readonly ServerProcess[];
  readonly broker?: Broker;
  readonly wire: Wire;
}

/** Starts it, lets it be used, and stops all of it, whatever happened. */
export async function deployed<R>(
  name: ContenderName,
  { work, nodes = 1 }: Row,
  use: (deployment: Deployment) => Promise<R>,
): Promise<R> {
  const contender = contenderOf(name);
  const broker = contender.broker && (await Broker.start(contender.broker));
  const starts = Array.from({ length: nodes }, () => ServerProcess.start(name, work, broker?.url));
  try {
    const servers = await Promise.all(starts);
    return await use({ servers, wire: contender.wire, ...(broker && { broker }) });
  } finally {
    await stopAll(starts).finally(() => broker?.stop());
  }
}

/** Those that have started. */
async function stopAll(starts: readonly Promise<ServerProcess>[]): Promise<void> {
  const settled = await Promise.allSettled(starts);
  await Promise.all(settled.map((start) => start.status === 'fulfilled' && start.value.stop()));
}
