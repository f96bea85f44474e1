import { readingOf, type Outcome, type Result, type Versus } from './measure.js';
import type { Facts } from './facts.js';
import { contenderOf } from './servers/index.js';

/** What every line has: the server, its cost, its speed, the ratio, the bars. */
const WIDTHS = [34, 16, 14, 36] as const;

const line = (cells: readonly string[]) =>
  `  ${cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join('')}`.trimEnd();

export function headOf({ date, commit, node, machine, versions }: Facts): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date.slice(0, 10)}, commit ${commit}, Node ${node}, ${machine}\n${packages.join(', ')}`;
}

/** One row as text: a line for each server. */
export function textOf(outcome: Outcome): string {
  const { row, ours, results, versus, fault, isNotBuilt } = outcome;
  if (isNotBuilt) return `${row.name}\n${line([ours, 'not built', '', '', barsOf(outcome).join(', ')])}`;
  if (fault !== undefined) return `${row.name}\n  FAILED: ${fault}`;
  const isMemory = readingOf(row) === 'need';
  const head = line([
    '',
    isMemory ? 'B/connection' : 'CPU µs/message',
    isMemory ? '' : 'messages/s',
    'we are',
  ]);
  const lines = results.map((result) =>
    lineOf(
      result,
      isMemory,
      versus.find(({ server }) => server === result.server),
    ),
  );
  return [row.name, head, ...lines].join('\n');
}

function lineOf(result: Result, isMemory: boolean, versus?: Versus): string {
  const { wire } = contenderOf(result.server);
  const note = wire === 'plain' ? '' : ` (${wire === 'events' ? 'JSON' : 'its packets'})`;
  return line([
    `${result.server}${note}`,
    isMemory ? number(result.cost.median, 0) : number(result.cost.median, 3),
    isMemory ? '' : number(result.perSecond.median, 0),
    versus ? `${ratioOf(versus)}${isMemory ? differenceOf(versus) : ''}` : '',
    versus?.bars.map(({ text, holds }) => `${text} ${holds ? 'holds' : 'FALLS SHORT'}`).join(', ') ?? '',
  ]);
}

const ratioOf = ({ ratio: { lower, median, upper } }: Versus) =>
  `${number(median, 2)} × (${number(lower, 2)} – ${number(upper, 2)})`;

const differenceOf = ({ difference: { median } }: Versus) =>
  `, ${median < 0 ? '−' : '+'} ${number(Math.abs(median), 0)} B`;

const number = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const barsOf = ({ row }: Outcome) => row.rivals.flatMap(({ bars }) => bars.map(({ text }) => text));

/** How many bars hold, of how many. */
export function countOf(outcomes: readonly Outcome[]) {
  const judged = outcomes.flatMap(({ versus }) => versus.flatMap(({ bars }) => bars));
  return {
    hold: judged.filter(({ holds }) => holds).length,
    of: outcomes.flatMap(barsOf).length,
    notBuilt: outcomes.filter(({ isNotBuilt }) => isNotBuilt).flatMap(barsOf).length,
    failed: outcomes.filter(({ fault }) => fault !== undefined).length,
  };
}

export function lastLineOf({ hold, of, notBuilt, failed }: ReturnType<typeof countOf>): string {
  const notes = [
    ...(failed ? [`${failed} rows FAILED`] : []),
    ...(notBuilt ? [`of ${notBuilt} the server is not built`] : []),
  ];
  return [`${hold} of ${of} bars hold`, ...notes].join('; ');
}

/** So short a run says nothing about speed. */
export function smokeTextOf({ row, ours, fault, isNotBuilt }: Outcome): string {
  if (isNotBuilt) return `  ${row.name}: ${ours} is not built`;
  return fault === undefined ? `✓ ${row.name}` : `✗ ${row.name}: ${fault}`;
}

export function smokeLastLineOf(outcomes: readonly Outcome[]): string {
  const { failed } = countOf(outcomes);
  if (failed > 0) return `${failed} of ${outcomes.length} rows FAILED`;
  const ran = outcomes.filter(({ results }) => results.length > 0).length;
  return `${ran} of ${outcomes.length} rows ran; no answer was wrong or missing`;
}
