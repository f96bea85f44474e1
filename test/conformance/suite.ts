import { readCases } from './case.js';
import { expectationOf } from './compare.js';
import { Fixture, serveControl, type ControlServer } from './control.js';
import { playAll, type Result } from './play-all.js';
import { remoteControl } from './remote-control.js';
import { startStack, transportOf } from './stacks/index.js';

/** Plays all cases on one stack: a test per case. */
export function conformanceSuite(stack: string): void {
  describe(`conformance on ${stack}`, () => {
    const transport = transportOf(stack);
    const all = readCases();
    const cases = all.filter((testCase) => transport.excluded(testCase) === undefined);
    let control: ControlServer;
    let results: Map<string, Result>;

    // All at once: most of a case's time is waiting.
    beforeAll(async () => {
      control = await serveControl(new Fixture(startStack(stack)));
      results = await playAll(cases, remoteControl(control.url), 20, transport);
    }, 120_000);

    afterAll(() => control.close());

    for (const testCase of cases) {
      const { outcome: expected, differences } = expectationOf(testCase);
      const why = [...differences, ...transport.differences(testCase)]
        .map(({ rule }) => ` [${rule}]`)
        .join('');

      it(`${testCase.id}: ${testCase.description}${why}`, () => {
        expect(results.get(testCase.id)!.outcome).toEqual(transport.expected(expected, testCase));
      });
    }

    for (const testCase of all) {
      const reason = transport.excluded(testCase);
      if (reason !== undefined) it.skip(`${testCase.id}: ${reason}`, () => {});
    }
  });
}
