import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { WebSockModule } from 'nestjs-websock';
import { ChannelRoutes } from './channel-routes.js';
import { ChannelServer } from './channel-server.js';
import { Endpoint } from './endpoint.js';
import { PageController } from './page.controller.js';
import { RealtimeChannel } from './realtime.channel.js';
import { RoomChannel } from './room.channel.js';
import { SocketHandler } from './socket.handler.js';

@Module({
  imports: [DiscoveryModule, WebSockModule],
  controllers: [PageController],
  providers: [ChannelRoutes, ChannelServer, Endpoint, RealtimeChannel, RoomChannel, SocketHandler],
})
export class AppModule {}
