import { check } from './check.js';
import { deployed } from './deployment.js';
import { compare, spreadOf, type Comparison, type Reading, type Spread } from './comparison.js';
import { runLoad, type Effort, type Run } from './load.js';
import type { Rival, Row } from './rows.js';
import { isBuilt } from './server-process.js';
import type { ContenderName } from './servers/index.js';

/** How one server did in a row. */
export interface Result {
  readonly server: ContenderName;
  /** Server CPU per message, µs, or memory per connection, bytes. */
  readonly cost: Spread;
  readonly perSecond: Spread;
  readonly runs: readonly Run[];
}

export interface Versus extends Comparison {
  readonly server: ContenderName;
  readonly bars: readonly { readonly text: string; readonly holds: boolean }[];
}

export interface Outcome {
  readonly row: Row;
  readonly ours: ContenderName;
  readonly results: readonly Result[];
  readonly versus: readonly Versus[];
  /** Why there are no results. */
  readonly fault?: string;
  readonly isNotBuilt?: boolean;
}

const FULL_ROUNDS = 3;

/** Measures all servers of a row in turn, round by round; each run has a fresh process. */
export async function measure(row: Row, effort: Effort): Promise<Outcome> {
  const ours = row.ours ?? 'nestjs-websock';
  const nothing = { row, ours, results: [], versus: [] };
  if (!isBuilt(ours)) return { ...nothing, isNotBuilt: true };
  try {
    const runs = await runRounds(row, [ours, ...row.rivals.map(({ name }) => name)], effort);
    const results = [...runs].map(([server, its]) => resultOf(server, its));
    return { row, ours, results, versus: row.rivals.map((rival) => versusOf(row, rival, runs, ours)) };
  } catch (error) {
    return { ...nothing, fault: (error as Error).message };
  }
}

async function runRounds(
  row: Row,
  servers: readonly ContenderName[],
  effort: Effort,
): Promise<Map<ContenderName, Run[]>> {
  const runs = new Map<ContenderName, Run[]>(servers.map((server) => [server, []]));
  const rounds = roundsOf(row, effort);
  for (let round = 0; round < rounds; round++) {
    for (const server of rotated(servers, round)) {
      runs.get(server)!.push(await runOnce(row, server, effort));
    }
  }
  return runs;
}

const roundsOf = ({ rounds = FULL_ROUNDS }: Row, effort: Effort) =>
  effort.rounds ?? (rounds > FULL_ROUNDS ? (effort.manyRounds ?? rounds) : rounds);

const rotated = <V>(list: readonly V[], by: number): V[] => {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
};

/** @throws Error that names the server */
async function runOnce(row: Row, name: ContenderName, effort: Effort): Promise<Run> {
  try {
    return await deployed(name, row, async (deployment) => {
      await check(deployment, row.work);
      return runLoad(row, deployment, effort);
    });
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
}

function resultOf(server: ContenderName, runs: readonly Run[]): Result {
  const cost = spreadOf(runs.map((run) => run.cost));
  return { server, cost, perSecond: spreadOf(runs.map((run) => run.perSecond)), runs };
}

export const readingOf = ({ load }: Row): Reading => (load.mode === 'idle' ? 'need' : 'speed');

function versusOf(
  row: Row,
  { name, bars }: Rival,
  runs: ReadonlyMap<ContenderName, readonly Run[]>,
  ours: ContenderName,
): Versus {
  const costs = (server: ContenderName) => runs.get(server)!.map(({ cost }) => cost);
  const comparison = compare(costs(ours), costs(name), readingOf(row));
  return {
    server: name,
    ...comparison,
    bars: bars.map((bar) => ({ text: bar.text, holds: bar.holds(comparison) })),
  };
}
