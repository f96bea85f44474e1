import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { seen } from './patience.js';

const document = new Y.Doc();
const text = document.getText('text');
let provider: WebsocketProvider;

export function open(url: string, name: string, user: string): void {
  // Pages of one browser could tell each other without the server.
  provider = new WebsocketProvider(url, name, document, { params: { as: user }, disableBc: true });
  const { awareness } = provider;
  awareness.setLocalStateField('user', user);
  // Others have noted that this state is gone, and show only a newer one: without a change that comes with the renewal
  // of every 15 s (yjs/y-websocket#122).
  provider.on('status', ({ status }) => {
    if (status === 'connected') awareness.setLocalState(awareness.getLocalState());
  });
}

export const write = (index: number, words: string) => text.insert(index, words);

/** Resolves once the document is this. */
export const reads = (words: string) =>
  seen(
    () => text.toString() === words || undefined,
    (changed) => text.observe(changed),
  );

/** Resolves once so many are there. */
export const present = (count: number) =>
  seen(
    () => {
      const users = [...provider.awareness.getStates().values()].map(({ user }) => user as string);
      return users.length === count ? users.sort() : undefined;
    },
    (changed) => provider.awareness.on('change', changed),
  );
