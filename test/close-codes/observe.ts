import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from './clients/client.js';
import { Host } from './host.js';
import { DRAWS } from './luck.js';
import { Trial } from './trial.js';

/** How long a client may take to connect and subscribe, ms: all do it at once. */
const START = 30_000;
/** How long it may take to come back, ms: longer than the longest first delay of any, which is 4 s. */
const PATIENCE = 6_000;
/** From one close to the next, ms: nobody waits for the machine because all others come back at the same moment. */
const APART = 25;

/** A client, and the code that its connection is closed with. */
export type Subject = readonly [client: Client, code: number];

/** Closes a connection of each client with each code, at each draw, and looks what comes of it. */
export async function observe(subjects: readonly Subject[]): Promise<Trial[]> {
  const host = await new Host().start();
  const trials = DRAWS.flatMap((draw) => subjects.map(([client, code]) => new Trial(client, code, draw)));
  await Promise.all(trials.map((trial) => inTime(trial, trial.start(host.expect(trial)))));
  for (const trial of trials) {
    trial.close();
    await wait(APART);
  }
  await wait(PATIENCE);
  await Promise.all(trials.map((trial) => trial.stop()));
  await host.stop();
  return trials;
}

function inTime({ client }: Trial, started: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${client.name} has not subscribed within ${START} ms`));
    const timer = setTimeout(late, START);
    started.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
