// npm run close-codes [-- --check]: measures what clients do when their connection is closed, and writes it into docs/close-codes.md;
// with --check it writes nothing, and fails when the page says something else.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CLIENTS } from './clients/index.js';
import { observe, type Subject } from './observe.js';
import { difference, tableIn, withTable } from './page.js';
import { cellIn, tableOf } from './table.js';
import { DROPPED, type Trial } from './trial.js';

const CODES = [1000, 1001, 1002, DROPPED, 1008, 1009, 1011, 1012, 1013, 4000, 4401];
const SUBJECTS = CLIENTS.flatMap((client) => CODES.map((code): Subject => [client, code]));
/** A busy machine only ever makes a client look slower: what is not as documented is measured again, and the fastest counts. */
const ROUNDS = 5;

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const file = path.resolve(import.meta.dirname, '../../docs/close-codes.md');
const page = readFileSync(file, 'utf8');

// Each document of Yjs listens for the end of the process.
process.setMaxListeners(0);
process.exit(settle(await measure(tableIn(page))));

async function measure(documented: string): Promise<string> {
  const trials: Trial[] = [];
  let subjects = SUBJECTS;
  for (let round = 1; ; round++) {
    console.log(`Round ${round}: ${subjects.length} times a client and a code`);
    trials.push(...(await observe(subjects)));
    const table = tableOf(trials);
    subjects = SUBJECTS.filter(
      ([{ name }, code]) => cellIn(table, name, code) !== cellIn(documented, name, code),
    );
    if (subjects.length === 0 || round === ROUNDS) return table;
  }
}

/** @returns the exit code */
function settle(table: string): number {
  const documented = tableIn(page);
  if (table === documented) {
    console.log('docs/close-codes.md says so.');
    return 0;
  }
  console.log(`\n${difference(documented, table)}\n`);
  if (values.check) {
    console.log('docs/close-codes.md says something else: npm run close-codes writes it anew.');
    return 1;
  }
  writeFileSync(file, withTable(page, table));
  console.log('Written into docs/close-codes.md.');
  return 0;
}
