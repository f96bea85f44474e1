import { spreadOf } from './comparison.js';
import type { Facts } from './facts.js';
import { readingOf, type Outcome, type Result, type Versus } from './measure.js';
import type { Row } from './rows.js';
import { contenderOf } from './servers/index.js';

/** What a line says of a server, between its name and the ratio. */
interface Column {
  readonly head: string;
  readonly width: number;
  cell(result: Result): string;
}

const NAME_WIDTH = 40;
const RATIO_WIDTH = 36;

const number = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const MEMORY: readonly Column[] = [
  { head: 'B/connection', width: 30, cell: ({ cost }) => number(cost.median, 0) },
];
const SPEED: readonly Column[] = [
  { head: 'CPU µs/message', width: 16, cell: ({ cost }) => number(cost.median, 3) },
  { head: 'messages/s', width: 14, cell: ({ perSecond }) => number(perSecond.median, 0) },
];
const CLUSTER: readonly Column[] = [
  { head: 'CPU µs/delivery', width: 17, cell: ({ cost }) => number(cost.median, 3) },
  { head: 'a CPU second', width: 14, cell: ({ cost }) => number(1e6 / cost.median, 0) },
  {
    head: 'broker µs',
    width: 11,
    cell: ({ runs }) =>
      median(
        runs.map(({ brokerCost }) => brokerCost),
        3,
      ),
  },
  {
    head: 'p50 ms',
    width: 9,
    cell: ({ runs }) =>
      median(
        runs.map(({ latency }) => latency?.p50),
        2,
      ),
  },
  {
    head: 'p99 ms',
    width: 9,
    cell: ({ runs }) =>
      median(
        runs.map(({ latency }) => latency?.p99),
        2,
      ),
  },
];

const median = (values: readonly (number | undefined)[], digits: number) =>
  number(spreadOf(values.map((value) => value ?? NaN)).median, digits);

function columnsOf(row: Row): readonly Column[] {
  if (readingOf(row) === 'need') return MEMORY;
  return row.nodes === undefined ? SPEED : CLUSTER;
}

/** What every line has: the server, what was measured, the ratio, the bars. */
function line(columns: readonly Column[], name: string, cells: readonly string[], ratio: string, bars = '') {
  const measured = columns.map(({ width }, i) => (cells[i] ?? '').padEnd(width)).join('');
  return `  ${name.padEnd(NAME_WIDTH)}${measured}${ratio.padEnd(RATIO_WIDTH)}${bars}`.trimEnd();
}

export function headOf({ date, commit, node, machine, versions }: Facts): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date.slice(0, 10)}, commit ${commit}, Node ${node}, ${machine}\n${packages.join(', ')}`;
}

/** One row as text: a line for each server. */
export function textOf(outcome: Outcome): string {
  const { row, ours, results, versus, fault, isNotBuilt } = outcome;
  const columns = columnsOf(row);
  if (isNotBuilt) return `${row.name}\n${line(columns, ours, ['not built'], '', barsOf(outcome).join(', '))}`;
  if (fault !== undefined) return `${row.name}\n  FAILED: ${fault}`;
  const heads = columns.map(({ head }) => head);
  const lines = results.map((result) =>
    lineOf(
      columns,
      result,
      versus.find(({ server }) => server === result.server),
    ),
  );
  return [row.name, line(columns, '', heads, 'we are'), ...lines].join('\n');
}

function lineOf(columns: readonly Column[], result: Result, versus?: Versus): string {
  const { wire } = contenderOf(result.server);
  const note = wire === 'plain' ? '' : ` (${wire === 'events' ? 'JSON' : 'its packets'})`;
  const difference = columns === MEMORY && versus ? differenceOf(versus) : '';
  return line(
    columns,
    `${result.server}${note}`,
    columns.map((column) => column.cell(result)),
    versus ? ratioOf(versus) + difference : '',
    versus?.bars.map(({ text, holds }) => `${text} ${holds ? 'holds' : 'FALLS SHORT'}`).join(', '),
  );
}

const ratioOf = ({ ratio: { lower, median, upper } }: Versus) =>
  `${number(median, 2)} × (${number(lower, 2)} – ${number(upper, 2)})`;

const differenceOf = ({ difference: { median } }: Versus) =>
  `, ${median < 0 ? '−' : '+'} ${number(Math.abs(median), 0)} B`;

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
