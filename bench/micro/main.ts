import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.js';
import { measure, type Effort, type Round } from './measure.js';
import { factsOf, printFoot, printHead, printRow, rowOf, type Row } from './report.js';

const FULL: Effort = { warmUp: 1_000, rounds: 40, round: 15 };
const QUICK: Effort = { warmUp: 10, rounds: 3, round: 2 };
/** V8 does not optimise a program the same way each time. */
const PROCESSES = 3;

const { values: args } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** For the processes that `measureApart` starts: prints the rounds of the benchmark with this name. */
    rounds: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const benches = await loadBenches();
  if (args.rounds !== undefined) {
    const bench = benches.find(({ name }) => name === args.rounds)!;
    console.log(JSON.stringify(await measure(bench, FULL)));
  } else {
    const pattern = new RegExp(args.only, 'i');
    const chosen = benches.filter(({ name }) => pattern.test(name));
    if (chosen.length === 0) throw new Error(`None of these is like "${args.only}": ${namesOf(benches)}`);
    await report(chosen);
  }
}

async function loadBenches(): Promise<Bench[]> {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.js'));
  const modules = await Promise.all(
    files.map((file) => import(`./${file}`) as Promise<{ benches: readonly Bench[] }>),
  );
  return modules.flatMap(({ benches }) => benches);
}

async function report(benches: readonly Bench[]): Promise<void> {
  const facts = factsOf();
  const rows: Row[] = [];
  if (!args.json) printHead(facts);
  for (const bench of benches) {
    const { name, bar } = bench;
    const row = args.quick ? rowOf(name, await measure(bench, QUICK)) : rowOf(name, measureApart(name), bar);
    rows.push(row);
    if (!args.json) printRow(row);
  }
  if (args.json) console.log(JSON.stringify({ ...facts, rows }, undefined, 2));
  else printFoot(rows);
}

/** In processes of their own, where V8 has seen nothing else. */
function measureApart(name: string): Round[] {
  const rounds = [];
  for (let i = 0; i < PROCESSES; i++) {
    const command = [import.meta.filename, '--rounds', name];
    const out = execFileSync(process.execPath, command, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    rounds.push(...(JSON.parse(out) as Round[]));
  }
  return rounds;
}

const namesOf = (benches: readonly Bench[]) => benches.map(({ name }) => name).join(' · ');

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
// The apps that were booted are not closed.
process.exit();
