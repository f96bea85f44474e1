import type { Case, Outcome } from './case.js';
import { comparable, expectationOf, isSame, isSoFar } from './compare.js';
import type { Control } from './control.js';
import { Runner } from './runner.js';

export interface Result {
  readonly outcome: Outcome;
  readonly isRight: boolean;
}

const MAX_REPEATED = 12;

/**
 * Plays cases, `jobs` at a time. The scripts of the cases hold times in milliseconds, which a loaded machine may miss: a case
 * that did not come out right is played again by itself.
 */
export async function playAll(
  cases: readonly Case[],
  control: Control,
  jobs = 20,
): Promise<Map<string, Result>> {
  const runner = new Runner(control);
  const results = new Map<string, Result>();
  const queue = [...cases];
  const work = async () => {
    for (let next; (next = queue.shift()) !== undefined;) results.set(next.id, await play(runner, next));
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const wrong = cases.filter(({ id }) => !results.get(id)!.isRight);
  // More than a few is no matter of time.
  if (wrong.length <= MAX_REPEATED) {
    for (const testCase of wrong) results.set(testCase.id, await play(runner, testCase));
  }
  return results;
}

async function play(runner: Runner, testCase: Case): Promise<Result> {
  const { outcome: expected } = expectationOf(testCase);
  const outcome = comparable(await runner.play(testCase, (soFar) => isSoFar(soFar, expected)));
  return { outcome, isRight: isSame(outcome, expected) };
}
