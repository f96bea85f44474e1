import { isDeepStrictEqual } from 'node:util';
import type { Case, Outcome } from './case.js';
import { DIFFERENCES, type Difference } from './differences.js';

/** What we should answer, and the rules by which that differs from the reference. */
export interface Expectation {
  readonly outcome: Outcome;
  readonly differences: readonly Difference[];
}

export function expectationOf(testCase: Case): Expectation {
  const differences = DIFFERENCES.filter(({ cases }) => cases.includes(testCase.id));
  const outcome = differences.reduce((expected, rule) => rule.change(expected, testCase), testCase.expect);
  return { outcome: comparable(outcome), differences };
}

/** Without what makes no difference: the order of headers, the space in them. */
export function comparable(outcome: Outcome): Outcome {
  const headers = outcome.headers.map(([name, value]): [string, string] => [
    name,
    value.replace(/;\s+/g, ';'),
  ]);
  return { ...outcome, headers: headers.sort(), marks: outcome.marks ?? {} };
}

export function isSame(one: Outcome, other: Outcome): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other));
}

/** As far as it can be known while the client has not answered a close frame yet. */
export function isSoFar(outcome: Outcome, expected: Outcome): boolean {
  const { tcp_end_answered: _, ...soFar } = expected;
  return isSame(outcome, soFar);
}
