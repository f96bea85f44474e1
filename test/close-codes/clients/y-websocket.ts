import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import { Doc } from 'yjs';
import type { Client } from './client.js';

/** How the message begins that asks for what the others have, and the answer: an empty update. */
const ASKS = [0, 0] as const;
const NOTHING = [0, 1, 2, 0, 0];

export const yWebsocket: Client = {
  name: 'y-websocket',

  serve(socket, subscribed) {
    socket.on('message', (data: Buffer) => {
      if (data[0] !== ASKS[0] || data[1] !== ASKS[1]) return;
      subscribed();
      socket.send(Buffer.from(NOTHING));
    });
  },

  connect(url, tell) {
    const doc = new Doc();
    const provider = new WebsocketProvider(url, 'room', doc, {
      WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    });
    provider.on('connection-close', (event) => tell('connection-close', event?.code));
    provider.on('connection-error', () => tell('connection-error'));
    provider.on('status', ({ status }) => tell(`status ${status}`));
    provider.on('closed', ({ code }) => tell('closed', code));
    return new Promise((resolve) => {
      provider.on('sync', (isSynced) => {
        tell(`sync ${isSynced}`);
        // The document has the timer of its awareness.
        resolve(() => (provider.destroy(), doc.destroy()));
      });
    });
  },
};
