import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readCases, type Case, type Outcome } from './case.js';
import { comparable, expectationOf, isSame, isSoFar } from './compare.js';
import { inMemory, MemoryGame, notForMemory } from './memory-game.js';
import { Traces } from './trace.js';

const cases = readCases();
const playable = cases.filter((testCase) => notForMemory(testCase) === undefined);

function expected(testCase: Case): Outcome {
  return inMemory(expectationOf(testCase).outcome, testCase);
}

describe('the in-memory server', () => {
  const traces = new Traces();
  const outcomes = new Map<string, Outcome>();

  async function play(testCase: Case): Promise<void> {
    const isReached = (soFar: Outcome) => isSoFar(soFar, expected(testCase));
    outcomes.set(testCase.id, await new MemoryGame(testCase, traces).play(isReached));
  }

  beforeAll(async () => {
    // All at once: most of them only wait.
    await Promise.all(playable.map(play));
    // The scripts hold times in ms, which a loaded machine may miss: what came out wrong is played once more by itself.
    for (const testCase of playable) {
      if (!isSame(outcomes.get(testCase.id)!, expected(testCase))) await play(testCase);
    }
  }, 60_000);

  afterAll(() => traces.close());

  it.each(playable.map((testCase) => [testCase.id, testCase] as const))('%s', (id, testCase) => {
    expect(comparable(outcomes.get(id)!)).toEqual(expected(testCase));
  });
});

describe('cases that cannot be played in memory', () => {
  for (const testCase of cases) {
    const reason = notForMemory(testCase);
    if (reason !== undefined) it.skip(`${testCase.id}: ${reason}`, () => {});
  }
});
