import { Presence, Socket, type Channel, type Push } from 'phoenix';
import { Log } from '../../support/log.js';
import { PATIENCE, seen } from './patience.js';

type Answer = readonly [status: string, response: unknown];

const joins = new Log<Answer>();
const events = new Log<readonly [event: string, payload: unknown]>();
let channel: Channel;
let presence: Presence;

/** Each join is told of: when it comes back the client joins once more. */
export function join(token: string, topic: string): void {
  const socket = new Socket('/socket', { params: { token } });
  socket.connect();
  channel = socket.channel(topic);
  presence = new Presence(channel);
  for (const event of ['said', 'picture'])
    channel.on(event, (payload) => events.add([event, plain(payload)]));
  listen(channel.join(), (answer) => joins.add(answer));
}

export function push(event: string, payload: object): Promise<Answer> {
  return new Promise((resolve) => listen(channel.push(event, payload), resolve));
}

export const pushBytes = (event: string, bytes: number[]) => push(event, Uint8Array.from(bytes).buffer);

/** Resolves once so many are there. */
export const present = (count: number) =>
  seen(
    () => {
      const names = presence.list<string>((name) => name!);
      return names.length === count ? names.sort() : undefined;
    },
    (changed) => presence.onSync(changed),
  );

export const nextJoin = () => joins.next(PATIENCE);
export const nextEvent = () => events.next(PATIENCE);

function listen(push: Push, heard: (answer: Answer) => void): void {
  for (const status of ['ok', 'error', 'timeout'] as const)
    push.receive(status, (response) => heard([status, plain(response)]));
}

/** Bytes as numbers: what a page gives to the spec is JSON. */
function plain(payload: unknown): unknown {
  return payload instanceof ArrayBuffer ? [...new Uint8Array(payload)] : payload;
}
