import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

// The official client: shows the tally whenever it changes, and votes for what is typed.
const voter = process.argv[2] ?? 'Ada';
const port = process.env.PORT ?? 3000;

const client = createClient({
  url: `ws://localhost:${port}/graphql/lunch?as=${encodeURIComponent(voter)}`,
  webSocketImpl: WebSocket,
  retryAttempts: 100,
  // Also when there is no server yet: by default only what was connected is tried again.
  shouldRetry: () => true,
  on: { closed: (event) => console.log('closed with', (event as { code: number }).code) },
});

client.subscribe(
  { query: 'subscription { tally { choice votes } }' },
  { next: ({ data }) => console.table(data?.tally), error: console.error, complete() {} },
);

console.log('What shall it be for lunch?');
for await (const choice of createInterface({ input: process.stdin })) {
  const vote = {
    query: 'mutation Vote($choice: String!) { vote(choice: $choice) { votes } }',
    variables: { choice },
  };
  for await (const { errors } of client.iterate(vote)) if (errors) console.log(errors[0]!.message);
}
await client.dispose();
