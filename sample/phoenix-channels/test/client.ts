import { Presence, Socket, type Channel, type Push, type SocketConnectOption } from 'phoenix';
import { WebSocket } from 'ws';
import { sign } from '../src/tokens.js';

/** What a client gets, as `socket.onMessage` tells it. */
export interface Received {
  join_ref: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: any;
}

const sockets = new Set<Socket>();

/** A client of the npm package `phoenix`. Node 20 has no `WebSocket`, so it gets that of ws; it needs nothing else. */
export function client(url: string, user: string, options: Partial<SocketConnectOption> = {}): Socket {
  const socket = new Socket(`${url}/socket`, {
    transport: WebSocket,
    params: { token: sign(user) },
    reconnectAfterMs: () => 10,
    rejoinAfterMs: () => 10,
    ...options,
  });
  sockets.add(socket);
  return socket;
}

/** One that is connected. */
export async function connected(
  url: string,
  user: string,
  options?: Partial<SocketConnectOption>,
): Promise<Socket> {
  const socket = client(url, user, options);
  const opened = new Promise<void>((resolve) => void socket.onOpen(resolve));
  socket.connect();
  await opened;
  return socket;
}

/** Leaves none behind. */
export async function disconnectAll(): Promise<void> {
  await Promise.all([...sockets].map((socket) => new Promise<void>((done) => socket.disconnect(done))));
  sockets.clear();
}

/** What a push comes to: ok, error or timeout, with the response. */
export function replied(push: Push): Promise<readonly [status: string, response: any]> {
  return new Promise((resolve) => {
    for (const status of ['ok', 'error', 'timeout'] as const)
      push.receive(status, (response) => resolve([status, response]));
  });
}

/** A channel that is joined. */
export async function joined(socket: Socket, topic: string, params?: object): Promise<Channel> {
  const channel = socket.channel(topic, params);
  const [status, response] = await replied(channel.join());
  if (status === 'ok') return channel;
  throw new Error(`${topic}: ${status} ${JSON.stringify(response)}`);
}

/** The same, with who is there: the client counts on hearing of that from the join on. */
export async function attended(socket: Socket, topic: string) {
  const channel = socket.channel(topic);
  const presence = new Presence(channel);
  await replied(channel.join());
  return { channel, presence };
}

/** The next event of this name. */
export function next(channel: Channel, event: string): Promise<any> {
  return new Promise((resolve) => {
    const ref = channel.on(event, (payload) => {
      channel.off(event, ref);
      resolve(payload);
    });
  });
}

/** All that comes from now on, and the first that is awaited for. */
export function messages(socket: Socket) {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  socket.onMessage((message) => {
    received.push(message as Received);
    for (const look of waiting) look();
  });
  const until = (wanted: (message: Received) => boolean): Promise<Received> =>
    new Promise((resolve) => {
      const look = () => {
        const found = received.find(wanted);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { received, until };
}

/** Who is there as the client knows it, once `names` are. */
export function present(presence: Presence, names: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      const there = presence.list<string>((key) => key!).sort();
      if (there.join() === names.join()) resolve();
    };
    presence.onSync(look);
    look();
  });
}
