import type { Case, Outcome } from './case.js';
import { comparable, expectationOf, isSame, isSoFar } from './compare.js';
import type { Control } from './control.js';
import { Runner } from './runner.js';
import { HTTP1 } from './transport.js';

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
  transport = HTTP1,
): Promise<Map<string, Result>> {
  const runner = new Runner(control, transport);
  const results = new Map<string, Result>();
  const play = async (testCase: Case): Promise<Result> => {
    const expected = transport.expected(expectationOf(testCase).outcome, testCase);
    const outcome = comparable(await runner.play(testCase, (soFar) => isSoFar(soFar, expected)));
    return { outcome, isRight: isSame(outcome, expected) };
  };
  const queue = [...cases];
  const work = async () => {
    for (let next; (next = queue.shift()) !== undefined;) results.set(next.id, await play(next));
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const wrong = cases.filter(({ id }) => !results.get(id)!.isRight);
  // More than a few is no matter of time.
  if (wrong.length <= MAX_REPEATED) {
    for (const testCase of wrong) results.set(testCase.id, await play(testCase));
  }
  return results;
}
