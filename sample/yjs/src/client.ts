import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import { Doc } from 'yjs';

// The official client: a shopping list, and who has it open. What is typed goes onto the list; a number takes that line off.
const name = process.argv[2] ?? 'Ada';
const doc = new Doc();
const list = doc.getArray<string>('list');

const provider = new WebsocketProvider(
  `ws://localhost:${process.env.PORT ?? 3000}/documents`,
  'shopping',
  doc,
  {
    params: { as: name },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
  },
);

const introduce = () => provider.awareness.setLocalState({ name });
introduce();

function show() {
  const lines = list.map((thing, i) => `${i + 1} ${thing}`);
  const names = [...provider.awareness.getStates().values()].map((state) => String(state.name ?? 'somebody'));
  console.log(`\n${names.sort().join(', ')}\n${lines.join('\n')}`);
}

provider.on('status', ({ status }) => {
  if (status !== 'connecting') console.log(status);
  // Each time anew: the others take no state for news that they have had before.
  if (status === 'connected') introduce();
});
provider.awareness.on('change', show);
list.observe(show);

for await (const line of createInterface({ input: process.stdin })) {
  const number = Number(line);
  if (number >= 1 && number <= list.length) list.delete(Math.floor(number) - 1);
  else if (line.trim() !== '') list.push([line.trim()]);
}
provider.destroy();
doc.destroy();
