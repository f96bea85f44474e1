import { parseArgs } from 'node:util';
import { factsOf } from './facts.js';
import type { Effort } from './load.js';
import { measure, type Outcome } from './measure.js';
import { countOf, headOf, lastLineOf, smokeLastLineOf, smokeTextOf, textOf } from './report.js';
import { rows, type Row } from './rows.js';

const FULL: Effort = { share: 1 };
const QUICK: Effort = { share: 0.4, manyRounds: 5 };
/** Everything runs and is verified; nothing is measured. */
const SMOKE: Effort = { share: 0.05, rounds: 1, maxConnections: 100 };

const { values: args } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const print = (text: string) => (args.json ? console.error(text) : console.log(text));

function effort(): Effort {
  const chosen = args.smoke ? SMOKE : args.quick ? QUICK : FULL;
  if (args.rounds === undefined) return chosen;
  if (!/^[1-9]\d*$/.test(args.rounds)) throw new Error(`--rounds takes a number, not "${args.rounds}".`);
  return { ...chosen, rounds: Number(args.rounds) };
}

function chosenRows(): readonly Row[] {
  const pattern = new RegExp(args.only, 'i');
  const chosen = rows.filter(({ name, ours = '' }) => pattern.test(`${name} ${ours}`));
  if (chosen.length === 0)
    throw new Error(`No row matches "${args.only}"; there are:\n${rows.map(({ name }) => name).join('\n')}`);
  return chosen;
}

async function main(): Promise<void> {
  const chosen = chosenRows();
  const much = effort();
  const facts = factsOf([
    ...new Set(chosen.flatMap(({ ours = 'nestjs-websock', rivals }) => [ours, ...rivals.map((r) => r.name)])),
  ]);
  print(headOf(facts));
  const outcomes: Outcome[] = [];
  for (const row of chosen) {
    const outcome = await measure(row, much);
    outcomes.push(outcome);
    print(args.smoke ? smokeTextOf(outcome) : `\n${textOf(outcome)}`);
  }
  const bars = countOf(outcomes);
  if (args.json) console.log(JSON.stringify({ ...facts, effort: much, rows: outcomes, bars }, null, 2));
  print(`\n${args.smoke ? smokeLastLineOf(outcomes) : lastLineOf(bars)}`);
  if (bars.failed > 0) process.exitCode = 1;
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
