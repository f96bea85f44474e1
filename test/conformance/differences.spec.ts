import { readCases } from './case.js';
import { readPage } from '../docs/pages.js';
import { expectationOf, isSame } from './compare.js';
import { DIFFERENCES, NOT_APPLICABLE } from './differences.js';
import { UWS_DIFFERENCES, uwsDifferencesOf, withFin } from './uws-differences.js';

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

  it('names for uWebSockets.js a row of the table in docs/uws.md, or the section', () => {
    const rows = readPage('docs/uws.md').match(/(?<=^\| )[A-Z][\w ]+(?= \|)/gm);
    const named = UWS_DIFFERENCES.map(({ rule }) => /table "([\w ]+)"/.exec(rule)?.[1]);
    expect(named.filter((row) => row !== undefined && !rows!.includes(row))).toEqual([]);
    expect(UWS_DIFFERENCES.filter(({ rule }, i) => named[i] === undefined && !rule.startsWith('§'))).toEqual(
      [],
    );
  });

  it.each(UWS_DIFFERENCES.map((difference) => [difference.rule, difference] as const))(
    'on uWebSockets.js: %s',
    (_rule, difference) => {
      for (const id of difference.cases) {
        const testCase = cases.get(id);
        if (testCase === undefined) throw new Error(`no case ${id}`);
        const before = uwsDifferencesOf(testCase)
          .slice(0, uwsDifferencesOf(testCase).indexOf(difference))
          .reduce(
            (expected, rule) => rule.change(expected, testCase),
            withFin(expectationOf(testCase).outcome),
          );
        expect([id, isSame(difference.change(before, testCase), before)]).toEqual([id, false]);
      }
    },
  );

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
