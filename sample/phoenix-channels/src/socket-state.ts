import type { RawMessage } from 'nestjs-websock';
import type { ChannelSocket } from './channel-socket.js';
import type { Channel } from './channel.js';
import { encode, replyTo, type Address, type Ref, type Reply } from './protocol.js';

/** What a connection remembers. */
export interface SocketState {
  /** Who it is, as its token says. */
  readonly user: string;
  /** The channels that the client has joined, by topic. */
  readonly joined: ReadonlyMap<string, Joined>;
}

/** A channel that a connection has joined. */
export interface Joined {
  readonly joinRef: Ref;
  readonly channel: Channel;
  readonly socket: ChannelSocket;
  readonly state: unknown;
}

/** What each message of the client's comes to. */
export type Answer = readonly ['push', readonly RawMessage[], SocketState];

/** A reply that no channel has made. */
export function answer(to: Address, reply: Reply, state: SocketState): Answer {
  return ['push', [encode(replyTo(to, reply))], state];
}

export function nothing(state: SocketState): Answer {
  return ['push', [], state];
}

export function withChannel(state: SocketState, joined: Joined): SocketState {
  return { ...state, joined: new Map(state.joined).set(joined.socket.topic, joined) };
}

export function withoutChannel(state: SocketState, { socket }: Joined): SocketState {
  const joined = new Map(state.joined);
  joined.delete(socket.topic);
  return { ...state, joined };
}
