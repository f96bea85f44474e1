import { createClient, type Client } from 'graphql-ws';
import { Log } from '../../support/log.js';
import { PATIENCE } from './patience.js';

const tallies = new Log<unknown>();
let client: Client;

/** Unless it is stubborn, it tries again after a close, but not where nobody listens. */
export function connect(url: string, stubborn = true): void {
  client = createClient({
    url,
    retryAttempts: 100,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 200)),
    ...(stubborn && { shouldRetry: () => true }),
  });
}

export async function ask(query: string): Promise<unknown> {
  for await (const result of client.iterate({ query })) return result;
  return undefined;
}

export function follow(): void {
  client.subscribe(
    { query: 'subscription { tally { choice votes } }' },
    { next: ({ data }) => tallies.add(data?.tally), error: () => tallies.add('given up'), complete() {} },
  );
}

export const nextTally = () => tallies.next(PATIENCE);
