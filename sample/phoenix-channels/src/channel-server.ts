import { Injectable, Logger } from '@nestjs/common';
import { Presence, type Awaitable, type Connection } from 'nestjs-websock';
import { ChannelRoutes } from './channel-routes.js';
import { socketOf, type ChannelInfo, type ChannelSocket } from './channel-socket.js';
import { admissionOf, messagesOf, type ChannelResult } from './channel.js';
import { fastlane } from './endpoint.js';
import { encode, type PhoenixMessage, type Ref, type Reply } from './protocol.js';
import {
  answer,
  nothing,
  withChannel,
  withoutChannel,
  type Answer,
  type Joined,
  type SocketState,
} from './socket-state.js';

const MAX_CHANNELS = 100;
const UNMATCHED: Reply = ['error', { reason: 'unmatched topic' }];
const TOO_MANY: Reply = ['error', { reason: 'too many channels' }];
const CRASHED: Reply = ['error', { reason: 'join crashed' }];

/** The channels of a connection, from join to end. What fails in one ends that one (`Phoenix.Channel.Server`). */
@Injectable()
export class ChannelServer {
  private readonly logger = new Logger(ChannelServer.name);

  constructor(
    private readonly routes: ChannelRoutes,
    private readonly presence: Presence,
  ) {}

  async join(message: PhoenixMessage, state: SocketState, connection: Connection): Promise<Answer> {
    const [, , topic] = message;
    const before = state.joined.get(topic);
    if (before === undefined) return this.enter(message, state, connection);
    // The client has lost track of the channel: the new one takes its place.
    const duplicate = ['stop', ['shutdown', 'duplicate_join'], before.state] as const;
    const [, closed, left] = await this.apply(duplicate, before, null, state);
    const [, entered, next] = await this.enter(message, left, connection);
    return ['push', [...closed, ...entered], next];
  }

  leave(message: PhoenixMessage, state: SocketState): Awaitable<Answer> {
    const [joinRef, ref, topic] = message;
    const joined = state.joined.get(topic);
    if (joined === undefined) return answer(message, ['ok'], state);
    // A leave of the channel before this one, whose close is on its way.
    if (joined.joinRef !== joinRef) return nothing(state);
    return this.apply(['stop', ['shutdown', 'left'], ['ok'], joined.state], joined, ref, state);
  }

  handleIn(message: PhoenixMessage, state: SocketState): Awaitable<Answer> {
    const [, ref, topic, event, payload] = message;
    const joined = state.joined.get(topic);
    if (joined === undefined) return answer(message, UNMATCHED, state);
    const { channel, socket, state: own } = joined;
    return this.run(joined, ref, state, () => channel.handleIn(event, payload, own, socket, ref));
  }

  handleInfo(info: ChannelInfo, state: SocketState): Awaitable<Answer> {
    const [, to] = info;
    const joined = state.joined.get(to.topic);
    // The channel has ended since, and perhaps another has been joined.
    if (joined?.socket !== to) return nothing(state);
    const { channel, state: own } = joined;
    if (info[0] === 'reply') {
      const [, , ref, reply] = info;
      return this.run(joined, ref, state, () => ['reply', reply, own]);
    }
    const [, , message] = info;
    return this.run(joined, null, state, () => channel.handleInfo?.(message, own, to) ?? ['noreply', own]);
  }

  /** The client has gone. Subscriptions and presences go with the connection. */
  async close(state: SocketState): Promise<void> {
    for (const joined of state.joined.values()) await this.terminate(['shutdown', 'closed'], joined);
  }

  private async enter(message: PhoenixMessage, state: SocketState, connection: Connection): Promise<Answer> {
    const [joinRef, , topic, , payload] = message;
    const channel = this.routes.find(topic);
    if (channel === undefined) return answer(message, UNMATCHED, state);
    if (state.joined.size >= MAX_CHANNELS) return answer(message, TOO_MANY, state);
    const socket = socketOf(topic, state.user, connection);
    try {
      const result = await channel.join(topic, payload, socket);
      if (result[0] === 'error') return this.refuse(message, result, socket, state);
      const [response, own] = admissionOf(result);
      // What is broadcast from now on leaves behind the reply: this callback is not over.
      connection.subscribe(topic, { fastlane });
      return answer(message, ['ok', response], withChannel(state, { joinRef, channel, socket, state: own }));
    } catch (error) {
      this.crashed('join', socket, error);
      return this.refuse(message, CRASHED, socket, state);
    }
  }

  private refuse(message: PhoenixMessage, reply: Reply, socket: ChannelSocket, state: SocketState): Answer {
    this.release(socket);
    return answer(message, reply, state);
  }

  private async run(
    joined: Joined,
    ref: Ref,
    state: SocketState,
    callback: () => Awaitable<ChannelResult<unknown>>,
  ): Promise<Answer> {
    try {
      return await this.apply(await callback(), joined, ref, state);
    } catch (error) {
      this.crashed('a callback', joined.socket, error);
      return this.apply(['stop', error, joined.state], joined, ref, state);
    }
  }

  /** Makes messages and the next state of a channel's result. */
  private async apply(
    result: ChannelResult<unknown>,
    joined: Joined,
    ref: Ref,
    state: SocketState,
  ): Promise<Answer> {
    const messages = messagesOf(result, [joined.joinRef, ref, joined.socket.topic]).map(encode);
    const next = { ...joined, state: result.at(-1) };
    if (result[0] !== 'stop') return ['push', messages, withChannel(state, next)];
    await this.terminate(result[1], next);
    this.release(joined.socket);
    return ['push', messages, withoutChannel(state, joined)];
  }

  private async terminate(reason: unknown, { channel, socket, state }: Joined): Promise<void> {
    try {
      await channel.terminate?.(reason, state, socket);
    } catch (error) {
      this.crashed('terminate', socket, error);
    }
  }

  /** What ends with a channel in Phoenix, where it is a process, ends here with the connection only. */
  private release({ topic, connection }: ChannelSocket): void {
    connection.unsubscribe(topic);
    this.presence.untrack(connection, topic);
  }

  private crashed(what: string, { topic }: ChannelSocket, error: unknown): void {
    this.logger.error(`${topic}: ${what} failed`, error instanceof Error ? error.stack : error);
  }
}
