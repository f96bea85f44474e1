import { io } from 'socket.io-client';
import type { Client } from './client.js';

export const socketIo: Client = {
  name: 'socket.io-client',

  serve(socket, subscribed) {
    // Engine.IO 4 and Socket.IO 5.
    const opening = { sid: '1', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1e6 };
    socket.send(`0${JSON.stringify(opening)}`);
    socket.on('message', (data: Buffer) => {
      const packet = data.toString();
      if (packet === '40') socket.send('40{"sid":"1"}');
      if (packet !== '420["join"]') return;
      subscribed();
      socket.send('430[]');
    });
  },

  connect(url, tell) {
    const { origin, pathname } = new URL(url);
    const socket = io(origin, { path: pathname, transports: ['websocket'], forceNew: true });
    socket.on('connect', () => tell('connect'));
    socket.on('connect_error', () => tell('connect_error'));
    socket.on('disconnect', (reason, details) => {
      const context = details && 'context' in details ? (details.context as { code?: number }) : undefined;
      tell('disconnect', context?.code);
    });
    return new Promise((resolve) => {
      socket.emit('join', () => resolve(() => socket.disconnect()));
    });
  },
};
