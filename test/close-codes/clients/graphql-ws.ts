import { createClient, type Message } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Client } from './client.js';

export const graphqlWs: Client = {
  name: 'graphql-ws',

  serve(socket, subscribed) {
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.type === 'connection_init') send({ type: 'connection_ack' });
      if (message.type !== 'subscribe') return;
      subscribed();
      send({ type: 'next', id: message.id, payload: { data: { news: 'none' } } });
    });
  },

  connect(url, tell) {
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      on: {
        connected: () => tell('on.connected'),
        closed: (event) => tell('on.closed', codeOf(event)),
        error: () => tell('on.error'),
      },
    });
    return new Promise((resolve) => {
      client.subscribe(
        { query: 'subscription { news }' },
        {
          next: () => resolve(() => client.dispose()),
          error: (event) => tell('sink.error', codeOf(event)),
          complete: () => tell('sink.complete'),
        },
      );
    });
  },
};

function codeOf(event: unknown): unknown {
  return (event as { code?: number }).code;
}
