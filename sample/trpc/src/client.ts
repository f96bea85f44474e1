import { createInterface } from 'node:readline';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { WebSocket } from 'ws';
import type { JournalRouter } from './router.js';

// The official client: shows the journal as it grows, and writes what is typed.
const name = process.argv[2] ?? 'Ada';
const ports = [Number(process.env.PORT ?? 3000), Number(process.env.PORT ?? 3000) + 1];

const socket = createWSClient({
  url: () => `ws://localhost:${ports[0]}/trpc?as=${encodeURIComponent(name)}`,
  WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
  retryDelayMs: () => 100,
  onClose(cause) {
    ports.reverse();
    console.log(`closed with ${cause?.code}, on to port ${ports[0]}`);
  },
});
const client = createTRPCClient<JournalRouter>({ links: [wsLink({ client: socket })] });

client.follow.subscribe(undefined, { onData: ({ data }) => console.log(data.id, data.text) });
for await (const line of createInterface({ input: process.stdin }))
  await client.write.mutate(line).catch((error: Error) => console.log(error.message));
await socket.close();
