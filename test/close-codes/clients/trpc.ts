import { createTRPCUntypedClient, createWSClient, wsLink, type TRPCClientError } from '@trpc/client';
import { WebSocket } from 'ws';
import type { Client } from './client.js';

export const trpc: Client = {
  name: '@trpc/client',

  serve(socket, subscribed) {
    socket.on('message', (data: Buffer) => {
      // One request, or several.
      for (const { id, method } of [JSON.parse(data.toString()) as Request | Request[]].flat()) {
        if (method !== 'subscription') continue;
        subscribed();
        socket.send(JSON.stringify({ id, result: { type: 'started' } }));
      }
    });
  },

  connect(url, tell) {
    const socket = createWSClient({
      url,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
      onOpen: () => tell('client.onOpen'),
      onClose: (cause) => tell('client.onClose', cause?.code),
      onError: () => tell('client.onError'),
    });
    const client = createTRPCUntypedClient({ links: [wsLink({ client: socket })] });
    return new Promise((resolve) => {
      client.subscription('news', undefined, {
        onStarted() {
          tell('onStarted');
          resolve(() => socket.close());
        },
        onError: (error) => tell('onError', codeOf(error)),
        onStopped: () => tell('onStopped'),
        onComplete: () => tell('onComplete'),
        onConnectionStateChange: ({ state, error }) =>
          tell(`onConnectionStateChange ${state}`, codeOf(error)),
      });
    });
  },
};

interface Request {
  readonly id: number;
  readonly method: string;
}

function codeOf(error: TRPCClientError<any> | null | undefined): unknown {
  return (error?.cause?.cause as { code?: number } | undefined)?.code;
}
