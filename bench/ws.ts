import { createRequire } from 'node:module';
import type * as Ws from 'ws';

/** The copy of ws that nestjs-websock itself uses: the control differs from it in nothing else. */
export const { WebSocket, WebSocketServer } = createRequire(import.meta.resolve('nestjs-websock'))(
  'ws',
) as typeof Ws;

export type WebSocket = Ws.WebSocket;
