import { serve } from '@hono/node-server';
import { createNodeWebSocket } from '@hono/node-ws';
import { Hono } from 'hono';
import { portOf, ready } from './ready.js';

const app = new Hono();
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
app.get(
  '/echo',
  upgradeWebSocket(() => ({
    onMessage: ({ data }, socket) => socket.send(data as string | ArrayBuffer),
  })),
);
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => ready(portOf(server)));
injectWebSocket(server);
