import type { Bench } from './bench.js';
import { Contestant } from './contestant.js';
import { bareSide, CLIENTS, ourSide } from './sides.js';

/** How long to measure. All in ms of CPU time of our side; the bare one does the same. */
export interface Effort {
  readonly warmUp: number;
  readonly rounds: number;
  /** At least. */
  readonly round: number;
}

/** ns of CPU time per message. */
export interface Round {
  readonly bare: number;
  readonly ours: number;
}

/**
 * Lets both sides do the same in turn.
 *
 * @throws Error for an answer that is missing or wrong
 */
export async function measure(bench: Bench, effort: Effort): Promise<Round[]> {
  const rounds: Round[] = [];
  const run = async () => {
    const bare = new Contestant(bench, bareSide(bench));
    const ours = new Contestant(bench, ourSide(await bench.handler(), bench));
    const batches = await warmUp(effort, bare, ours);
    const messages = batches * CLIENTS * (bench.results ?? 1);
    const time = async (contestant: Contestant) => ((await contestant.run(batches)) * 1_000) / messages;
    while (rounds.length < effort.rounds) {
      // Who comes first takes turns too.
      rounds.push({ bare: await time(bare), ours: await time(ours) });
      rounds.push({ ours: await time(ours), bare: await time(bare) });
    }
    bare.end();
    ours.end();
  };
  await (bench.within === undefined ? run() : bench.within(run));
  return rounds;
}

/** Runs both until V8 has optimised them. Returns how many messages of each client make a round. */
async function warmUp({ warmUp, round }: Effort, bare: Contestant, ours: Contestant): Promise<number> {
  let batches = 1;
  for (let spent = 0, last = 0; spent < warmUp || last < round; spent += last) {
    await bare.run(batches);
    last = (await ours.run(batches)) / 1_000;
    if (last < round) batches *= 2;
  }
  return batches;
}
