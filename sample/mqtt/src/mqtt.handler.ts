import { BadRequestException, Param } from '@nestjs/common';
import { OnSocket, OnUpgrade, WebSockHandler, type HostedRequest, type HostedSocket } from 'nestjs-websock';
import { createWebSocketStream } from 'ws';
import { Broker } from './broker.js';

/** MQTT over WebSocket (MQTT 3.1.1 §6): its bytes in binary messages, of the subprotocol `mqtt`. */
@WebSockHandler('mqtt/:device', { protocols: ['mqtt'], requireProtocol: true })
export class MqttHandler {
  constructor(private readonly broker: Broker) {}

  @OnUpgrade()
  admit(@Param('device') device: string): string {
    if (!/^\w{1,30}$/.test(device))
      throw new BadRequestException('A device has a name of 1 to 30 letters and digits.');
    return device;
  }

  @OnSocket()
  connected(socket: HostedSocket, _request: HostedRequest, device: string) {
    this.broker.handle(createWebSocketStream(socket), device);
  }
}
