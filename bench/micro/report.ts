import { execFileSync } from 'node:child_process';
import os from 'node:os';
import type { Round } from './measure.js';

/** Median and quartiles. */
export interface Spread {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/** A line of the report; ns of CPU time per message. */
export interface Row {
  readonly name: string;
  readonly bare: Spread;
  readonly ours: Spread;
  /** Of the differences within each round. */
  readonly added: Spread;
  readonly bar?: number;
  /** Whether the median of what is added is at most the bar. */
  readonly holds?: boolean;
}

/** When, of what and where a report is. */
export interface Facts {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
}

/** `bar`: left out where too little was measured to be held against it. */
export function rowOf(name: string, rounds: readonly Round[], bar?: number): Row {
  const added = spreadOf(rounds.map(({ bare, ours }) => ours - bare));
  return {
    name,
    bare: spreadOf(rounds.map(({ bare }) => bare)),
    ours: spreadOf(rounds.map(({ ours }) => ours)),
    added,
    ...(bar !== undefined && { bar, holds: added.median <= bar }),
  };
}

export function factsOf(): Facts {
  const changes = git('status', '--porcelain', '-uno') === '' ? '' : ' with changes';
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${git('rev-parse', '--short', 'HEAD')}${changes}`,
    node: process.version,
    machine: `${os.cpus()[0]?.model}, ${os.cpus().length} CPUs`,
  };
}

/** `unknown` where there is no repository. */
function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}

const COLUMNS = [52, 7, 7, 8, 16];

export function printHead({ date, commit, node, machine }: Facts): void {
  console.log(`${date}, commit ${commit}, Node ${node}, ${machine}`);
  console.log('CPU time per message, ns: median [quartiles]\n');
  printLine(['', 'bare', 'ours', 'added', '', 'bar']);
}

export function printRow({ name, bare, ours, added, bar, holds }: Row): void {
  const spread = `[${whole(added.lower)} … ${whole(added.upper)}]`;
  const verdict = bar === undefined ? '' : `≤ ${bar}: ${holds ? 'holds' : 'does not hold'}`;
  printLine([name, whole(bare.median), whole(ours.median), whole(added.median), spread, verdict]);
}

export function printFoot(rows: readonly Row[]): void {
  const withBar = rows.filter(({ bar }) => bar !== undefined);
  const held = withBar.filter(({ holds }) => holds);
  const bars = withBar.length === 0 ? '' : ` ${held.length} of ${withBar.length} bars hold.`;
  console.log(`\nAll answers were right.${bars}`);
}

function printLine([name = '', ...cells]: readonly string[]): void {
  const [width = 0, ...widths] = COLUMNS;
  const numbers = cells.slice(0, -1).map((cell, i) => cell.padStart(widths[i]!));
  console.log(`${name.padEnd(width)}${numbers.join('')}  ${cells.at(-1)}`.trimEnd());
}

const whole = (value: number) => value.toFixed(0);

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))]!;
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) };
}
