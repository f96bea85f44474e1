import type { Connection } from 'nestjs-websock';
import type { Ref, Reply } from './protocol.js';

/** One client in one channel, as the channel sees it. */
export interface ChannelSocket {
  readonly topic: string;
  /** Who it is, as its token says. */
  readonly user: string;
  readonly connection: Connection;
  /** `handleInfo` gets the message after the callback that runs. It is dropped when the channel has ended by then. */
  send(message: unknown): void;
  /** Answers the push of this `ref` later, from anywhere (`Phoenix.Channel.reply/2`). Dropped when the channel has ended by then. */
  reply(ref: Ref, reply: Reply): void;
}

/** What a channel has sent itself, or answers later. */
export type ChannelInfo =
  | readonly [tag: 'message', to: ChannelSocket, message: unknown]
  | readonly [tag: 'reply', to: ChannelSocket, ref: Ref, reply: Reply];

export function socketOf(topic: string, user: string, connection: Connection): ChannelSocket {
  const tell = (info: ChannelInfo) => connection.sendInfo(info);
  const socket: ChannelSocket = {
    topic,
    user,
    connection,
    send: (message) => tell(['message', socket, message]),
    reply: (ref, reply) => tell(['reply', socket, ref, reply]),
  };
  return socket;
}
