import { BadRequestException, Query, UseGuards } from '@nestjs/common';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { IoService, type Member } from './io.service.js';
import { MemberGuard } from './member.guard.js';

/** socket.io on each connection, for the member and the team that its upgrade names. */
// Clients ask for /socket.io/, which is not /socket.io on Fastify. Nest takes off one slash.
@WebSockHandler('socket.io//', {
  maxMessageSize: 1_000_000,
  // engine.io hands over at once all that has waited, and waits for the last of it. Its bytes are bounded in IoService.
  maxMailbox: Infinity,
})
@UseGuards(MemberGuard)
export class IoHandler {
  constructor(private readonly io: IoService) {}

  @OnUpgrade()
  admit(@Query('as') name: string, @Query('team') team: unknown): Member {
    if (typeof team !== 'string' || !/^\w{1,30}$/.test(team))
      throw new BadRequestException('A team has a name of 1 to 30 letters and digits.');
    return { name, team };
  }

  @OnSocket()
  connected(socket: HostedSocket, request: HostedRequest, member: Member) {
    this.io.accept(socket, request, member);
  }
}
