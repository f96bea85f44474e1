import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DROPPED, type Trial } from './trial.js';

/** What is known of a trial. */
export type Outcome = Pick<Trial, 'code' | 'draw' | 'returnedAfter' | 'isResubscribed' | 'told'> & {
  readonly client: { readonly name: string };
};

/** Delays are rounded down to these, ms: far enough apart for a machine that is busy. */
const STEPS = [0, 200, 500, 1_000, 1_250, 1_500, 2_000, 3_000, 4_000, 5_000];
/** How early a delay may be for its step, ms: timers are not exact. */
const TOLERANCE = 20;

/** The two tables. Of several outcomes with the same client, code and draw the fastest counts. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const fastest = fastestOf(outcomes);
  const names = [...new Set(fastest.map(({ client }) => client.name))];
  const codes = [...new Set(fastest.map(({ code }) => code))];
  const of = (name: string) => fastest.filter(({ client }) => client.name === name);
  const delays = names.map((name) => [
    `\`${name}\` ${versionOf(name)}`,
    ...codes.map((code) => delayOf(of(name).filter((outcome) => outcome.code === code))),
  ]);
  const told = names.map((name) => [`\`${name}\``, ...toldBy(of(name))]);
  return [
    ...linesOf(['client', ...codes.map(headOf)], delays),
    '',
    ...linesOf(['client', 'subscribes again', 'tells of the end', 'of coming back', 'of giving up'], told),
  ].join('\n');
}

/** What the first of the tables says of a client and a code; undefined: nothing. */
export function cellIn(table: string, name: string, code: number): string | undefined {
  const rows = table
    .split('\n\n', 1)[0]!
    .split('\n')
    .map((line) => line.slice(2, -2).split(' | '));
  const row = rows.find(([client]) => client!.startsWith(`\`${name}\``));
  return row?.[rows[0]!.indexOf(headOf(code))];
}

function fastestOf(outcomes: readonly Outcome[]): Outcome[] {
  const fastest = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const key = JSON.stringify([outcome.client.name, outcome.code, outcome.draw]);
    const other = fastest.get(key);
    if (other === undefined || timeOf(outcome) < timeOf(other)) fastest.set(key, outcome);
  }
  return [...fastest.values()];
}

function timeOf({ returnedAfter = Infinity }: Outcome): number {
  return returnedAfter;
}

/** Of one client and code: a delay for each draw. */
function delayOf(outcomes: readonly Outcome[]): string {
  const delays = outcomes.map(timeOf).filter(Number.isFinite).map(rounded);
  if (delays.length === 0) return '**gives up**';
  const range = rangeOf(Math.min(...delays), Math.max(...delays));
  return delays.length === outcomes.length ? range : `${range}, or gives up`;
}

function rounded(ms: number): number {
  return STEPS.findLast((step) => step <= ms + TOLERANCE)!;
}

function rangeOf(least: number, most: number): string {
  if (most === 0) return 'at once';
  return least === most ? `${least / 1000} s` : `${least / 1000}–${most / 1000} s`;
}

/** Of one client: whether it subscribes again, and what its app is told. */
function toldBy(outcomes: readonly Outcome[]): string[] {
  const back = outcomes.filter(({ returnedAfter }) => returnedAfter !== undefined);
  const gone = outcomes.filter(({ returnedAfter }) => returnedAfter === undefined);
  return [
    variantsOf(back.map(({ isResubscribed }) => (isResubscribed ? 'yes' : '**no**'))),
    variantsOf(back.map(({ told }) => told.end.join(', '))),
    variantsOf(back.map(({ told }) => told.back.join(', '))),
    variantsOf(gone.map(({ told }) => told.end.join(', ') || 'nothing')),
  ];
}

function variantsOf(cells: readonly string[]): string {
  return [...new Set(cells)].join('; or ') || '–';
}

function headOf(code: number): string {
  return code === DROPPED ? `${code}, dropped` : `${code}`;
}

function linesOf(head: readonly string[], rows: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)];
}

function versionOf(name: string): string {
  const file = path.join(import.meta.dirname, '../../node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
