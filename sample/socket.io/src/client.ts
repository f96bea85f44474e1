import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { io, type Socket } from 'socket.io-client';
import type { FromClient, FromLobby, FromServer } from './events.js';

// The official client: asks the team what is typed, or answers with it.
const [name = 'Ada', team = 'red'] = process.argv.slice(2);
const socket: Socket<FromServer, FromClient> = io(`http://localhost:${process.env.PORT ?? 3000}`, {
  transports: ['websocket'],
  query: { as: name, team },
});
// On the same connection.
const lobby: Socket<FromLobby> = socket.io.socket('/lobby');

let answer: ((days: number) => void) | undefined;

socket.on('connect', () => console.log(`You are in team ${team}. What shall be estimated?`));
socket.on('disconnect', (reason) => console.log('disconnected:', reason));
socket.on('connect_error', (error) => console.log('not connected:', error.message));
socket.on('came', (member) => console.log(member, 'is here'));
socket.on('left', (member) => console.log(member, 'has left'));
socket.on('estimate', (question, asker, done) => {
  console.log(`${asker} asks: ${question}. How many days?`);
  answer = done;
});
socket.on('round', ({ question, estimates }) => {
  console.log(`${question}: ${estimates.join(', ')}`);
  answer = undefined;
});
socket.on('sketch', (picture, from) => console.log(`${from} shows ${picture.length} bytes`));
lobby.on('teams', (sizes) => console.table(sizes));

async function show(path: string): Promise<void> {
  const shown = await socket.emitWithAck('sketch', await readFile(path));
  console.log('error' in shown ? shown.error : `shown to ${shown.value}`);
}

async function ask(question: string): Promise<void> {
  const told = await socket.emitWithAck('ask', question);
  if ('error' in told) console.log(told.error);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [, path] = /^show (.+)/.exec(line) ?? [];
  if (path !== undefined) show(path).catch(console.error);
  else if (answer === undefined) ask(line).catch(console.error);
  else {
    answer(Number(line));
    answer = undefined;
  }
}
socket.disconnect();
lobby.disconnect();
