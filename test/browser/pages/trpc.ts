import { createTRPCClient, createWSClient, wsLink, type TRPCClient } from '@trpc/client';
import type { Entry } from '../../../sample/trpc/src/journal.js';
import type { JournalRouter } from '../../../sample/trpc/src/router.js';
import { Log } from '../../support/log.js';
import { PATIENCE } from './patience.js';

const entries = new Log<Entry>();
let client: TRPCClient<JournalRouter>;

export function connect(url: string): void {
  const socket = createWSClient({ url, retryDelayMs: () => 200 });
  client = createTRPCClient<JournalRouter>({ links: [wsLink({ client: socket })] });
}

export const me = () => client.me.query();
export const write = (text: string) => client.write.mutate(text);

export function follow(): void {
  client.follow.subscribe(undefined, { onData: ({ data }) => entries.add(data) });
}

export const nextEntry = () => entries.next(PATIENCE);
