import { readCases } from './case.js';
import { expectationOf } from './compare.js';
import { Fixture, serveControl, type ControlServer } from './control.js';
import { playAll, type Result } from './play-all.js';
import { remoteControl } from './remote-control.js';
import { startStack } from './stacks/index.js';

/** Plays all cases on one stack: a test per case. */
export function conformanceSuite(stack: string): void {
  describe(`conformance on ${stack}`, () => {
    const cases = readCases();
    let control: ControlServer;
    let results: Map<string, Result>;

    // All at once: most of a case's time is waiting.
    beforeAll(async () => {
      control = await serveControl(new Fixture(startStack(stack)));
      results = await playAll(cases, remoteControl(control.url));
    }, 120_000);

    afterAll(() => control.close());

    for (const testCase of cases) {
      const { outcome: expected, differences } = expectationOf(testCase);
      const why = differences.map(({ rule }) => ` [${rule}]`).join('');

      it(`${testCase.id}: ${testCase.description}${why}`, () => {
        expect(results.get(testCase.id)!.outcome).toEqual(expected);
      });
    }
  });
}
