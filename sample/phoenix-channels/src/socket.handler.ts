import { ForbiddenException, Headers, Query } from '@nestjs/common';
import {
  Connection,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  stop,
  WebSockHandler,
  type Awaitable,
  type CloseReason,
  type DataMessage,
  type HandleResult,
} from 'nestjs-websock';
import { ChannelServer } from './channel-server.js';
import type { ChannelInfo } from './channel-socket.js';
import { decode } from './protocol.js';
import { answer, type SocketState } from './socket-state.js';
import { offeredToken, verify } from './tokens.js';

type Result = HandleResult<SocketState>;

/** Phoenix Channels V2 (`Phoenix.Socket`). A client of it appends `/websocket` to the address that it is given. */
@WebSockHandler('socket/websocket', { protocols: ['phoenix'], maxMessageSize: 1_000_000 })
export class SocketHandler {
  constructor(private readonly channels: ChannelServer) {}

  /** `Phoenix.Socket.connect/3`: the client's `params: { token }`, its `authToken`, or Supabase's `params: { apikey }`. */
  @OnUpgrade()
  connect(
    @Query() { vsn, token, apikey }: Record<string, unknown>,
    @Headers('sec-websocket-protocol') protocols?: string,
  ): string {
    if (typeof vsn !== 'string' || !/^2\.0\.\d+$/.test(vsn))
      throw new ForbiddenException('Only serializer version 2.0.x is spoken here.');
    const user = verify(token ?? apikey ?? offeredToken(protocols));
    if (user === undefined) throw new ForbiddenException('The token is missing or wrong.');
    return user;
  }

  @OnInit()
  open(user: string): Result {
    return ok({ user, joined: new Map() });
  }

  @OnIn()
  receive(data: DataMessage, state: SocketState, connection: Connection): Awaitable<Result> {
    const message = decode(data);
    if (message === undefined) return stop('normal', [1007, 'not a message of Phoenix V2'], state);
    const [, , topic, event] = message;
    if (topic === 'phoenix' && event === 'heartbeat') return answer(message, ['ok'], state);
    if (event === 'phx_join') return this.channels.join(message, state, connection);
    if (event === 'phx_leave') return this.channels.leave(message, state);
    return this.channels.handleIn(message, state);
  }

  @OnInfo()
  told(info: ChannelInfo, state: SocketState): Awaitable<Result> {
    return this.channels.handleInfo(info, state);
  }

  @OnTerminate()
  close(_reason: CloseReason, state: SocketState) {
    return this.channels.close(state);
  }
}
