import { DiscoveryService } from '@nestjs/core';
import type { Awaitable } from 'nestjs-websock';
import type { ChannelSocket } from './channel-socket.js';
import { replyTo, type Address, type PhoenixMessage, type Ref, type Reply } from './protocol.js';

/** Makes a provider the channel of these topics: `room:lobby`, or all that begin with `room:` as `room:*`. */
export const PhoenixChannel = DiscoveryService.createDecorator<string>();

/** One instance serves all who have joined; what it remembers of each is the state, as it is for a handler. */
export interface Channel<State = any> {
  /** May this client join? What it throws is an error reply. */
  join(topic: string, payload: any, socket: ChannelSocket): Awaitable<JoinResult<State>>;

  /**
   * For each push of the client's; `payload` is bytes if it sent such. `ref` is for `socket.reply`, where the answer comes later.
   * What it throws ends the channel, and the client joins again.
   */
  handleIn(
    event: string,
    payload: any,
    state: State,
    socket: ChannelSocket,
    ref: Ref,
  ): Awaitable<ChannelResult<State>>;

  /** For what the channel sends itself: `socket.send(message)`. */
  handleInfo?(message: any, state: State, socket: ChannelSocket): Awaitable<ChannelResult<State>>;

  /** Last, however it ends. */
  terminate?(reason: unknown, state: State, socket: ChannelSocket): unknown;
}

export type JoinResult<State> =
  | readonly [tag: 'ok', state: State]
  | readonly [tag: 'ok', response: unknown, state: State]
  | readonly [tag: 'error', response: unknown];

export type ChannelResult<State> =
  | readonly [tag: 'noreply', state: State]
  | readonly [tag: 'push', pushes: readonly Push[], state: State]
  | readonly [tag: 'reply', reply: Reply, state: State]
  | readonly [tag: 'stop', reason: unknown, state: State]
  | readonly [tag: 'stop', reason: unknown, reply: Reply, state: State];

/** To the client that the callback runs for. */
export type Push = readonly [event: string, payload: unknown];

/**
 * The response and the state of a join that is ok.
 *
 * @throws TypeError for what is no result
 */
export function admissionOf(result: JoinResult<unknown>): readonly [response: unknown, state: unknown] {
  if (result[0] !== 'ok') throw new TypeError(`A join returns ok or error, not ${String(result[0])}`);
  return result.length === 3 ? [result[1], result[2]] : [{}, result[1]];
}

/**
 * What a result says to the client.
 *
 * @throws TypeError for what is no result
 */
export function messagesOf(result: ChannelResult<unknown>, address: Address): PhoenixMessage[] {
  const [joinRef, , topic] = address;
  switch (result[0]) {
    case 'noreply':
      return [];
    case 'push':
      return result[1].map(([event, payload]) => [joinRef, null, topic, event, payload]);
    case 'reply':
      return [replyTo(address, result[1])];
    case 'stop': {
      const reply = result.length === 4 ? [replyTo(address, result[2])] : [];
      // After an error the client joins again, after a close it does not.
      return [...reply, [joinRef, joinRef, topic, isShutdown(result[1]) ? 'phx_close' : 'phx_error', {}]];
    }
    default:
      throw new TypeError(`A channel returns noreply, push, reply or stop, not ${String(result[0])}`);
  }
}

function isShutdown(reason: unknown): boolean {
  const [word] = Array.isArray(reason) ? (reason as unknown[]) : [reason];
  return word === 'normal' || word === 'shutdown';
}
