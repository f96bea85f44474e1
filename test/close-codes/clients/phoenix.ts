import { Socket } from 'phoenix';
import { WebSocket } from 'ws';
import type { HostedSocket } from '../../../src/core.js';
import type { Client } from './client.js';

/** Phoenix Channels V2: whatever is asked is answered with ok. */
export function serveChannels(socket: HostedSocket, subscribed: () => void): void {
  socket.on('message', (data: Buffer) => {
    const [joinRef, ref, topic, event] = JSON.parse(data.toString()) as string[];
    if (event === 'phx_join') subscribed();
    socket.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'ok', response: {} }]));
  });
}

export const phoenix: Client = {
  name: 'phoenix',
  serve: serveChannels,
  connect(url, tell) {
    const socket = new Socket(url, { transport: WebSocket });
    socket.onOpen(() => tell('socket.onOpen'));
    socket.onError(() => tell('socket.onError'));
    socket.onClose(({ code }) => tell('socket.onClose', code));
    const channel = socket.channel('room:1');
    channel.onError(() => tell('channel.onError'));
    channel.onClose(() => tell('channel.onClose'));
    socket.connect();
    return new Promise((resolve) => {
      channel.join().receive('ok', () => {
        tell("join.receive('ok')");
        resolve(() => socket.disconnect());
      });
    });
  },
};
