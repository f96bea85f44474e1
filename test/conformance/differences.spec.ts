import { readCases } from './case.js';
import { isSame } from './compare.js';
import { DIFFERENCES, NOT_APPLICABLE } from './differences.js';

/** The reference's list. */
const TOTAL = 276;

describe('the differences from the reference', () => {
  const cases = new Map(readCases().map((testCase) => [testCase.id, testCase]));

  it('names for every case that is not played the reason', () => {
    expect(cases.size + Object.keys(NOT_APPLICABLE).length).toBe(TOTAL);
    expect(Object.keys(NOT_APPLICABLE).filter((id) => cases.has(id))).toEqual([]);
  });

  it('names the section of SEMANTICS.md for every difference', () => {
    expect(DIFFERENCES.filter(({ rule }) => !/^§[1-7]: /.test(rule))).toEqual([]);
  });

  it.each(DIFFERENCES.map((difference) => [difference.rule, difference] as const))(
    '%s',
    (_rule, difference) => {
      for (const id of difference.cases) {
        const testCase = cases.get(id);
        if (testCase === undefined) throw new Error(`no case ${id}`);
        const before = DIFFERENCES.slice(0, DIFFERENCES.indexOf(difference))
          .filter((rule) => rule.cases.includes(id))
          .reduce((expected, rule) => rule.change(expected, testCase), testCase.expect);
        expect([id, isSame(difference.change(before, testCase), before)]).toEqual([id, false]);
      }
    },
  );
});
