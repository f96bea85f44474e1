// npm run conformance -- [--control URL | --stack NAME] [--in FILE] [--only id,id] [--jobs N]
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { readCases, type Case } from './case.js';
import { expectationOf } from './compare.js';
import { Fixture, serveControl } from './control.js';
import { playAll } from './play-all.js';
import { remoteControl } from './remote-control.js';
import { startStack, transportOf } from './stacks/index.js';

const { values } = parseArgs({
  options: {
    control: { type: 'string' },
    stack: { type: 'string', default: 'express' },
    in: { type: 'string' },
    only: { type: 'string' },
    jobs: { type: 'string', default: '20' },
  },
});
const only = values.only?.split(',');
const transport = transportOf(values.stack);
const cases = readCases(values.in)
  .filter(({ id }) => only?.includes(id) ?? true)
  .filter((testCase) => transport.excluded(testCase) === undefined);
const url = values.control ?? (await serveControl(new Fixture(startStack(values.stack)))).url;

const results = await playAll(cases, remoteControl(url), Number(values.jobs), transport);
const failed = cases.filter((testCase) => !results.get(testCase.id)!.isRight);
for (const testCase of failed) report(testCase);
console.log(`${cases.length} cases, ${failed.length} not as expected`);
process.exit(failed.length === 0 ? 0 : 1);

function report(testCase: Case): void {
  const { outcome: usual, differences } = expectationOf(testCase);
  const expected = transport.expected(usual, testCase);
  const { outcome } = results.get(testCase.id)!;
  console.log(`\n${testCase.id}: ${testCase.description}`);
  for (const { rule } of differences) console.log(`  by ${rule}`);
  for (const key of new Set([...Object.keys(expected), ...Object.keys(outcome)]) as Set<
    keyof typeof expected
  >) {
    if (isDeepStrictEqual(expected[key], outcome[key])) continue;
    console.log(
      `  ${key}: expected ${JSON.stringify(expected[key])}\n    got ${JSON.stringify(outcome[key])}`,
    );
  }
}
