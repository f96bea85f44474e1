import { createServer, type IncomingMessage } from 'node:http';
import { COUNT, lookUp, TOKEN } from '../work.js';
import { WebSocketServer, type WebSocket } from '../ws.js';
import { chosen, portOf, ready, work } from './ready.js';

const server = createServer();
const sockets = new WebSocketServer({
  noServer: true,
  // As nestjs-websock negotiates it.
  perMessageDeflate: work === 'broadcast-deflate' && { serverNoContextTakeover: true, threshold: 1024 },
});
let received = 0;

const serve = chosen<(socket: WebSocket) => void>({
  echo,
  guarded: echo,
  'echo-async': (socket) =>
    socket.on('message', async (data, isBinary) =>
      socket.send(await lookUp(isBinary ? data : data.toString()), { binary: isBinary }),
    ),
  receive: (socket) =>
    socket.on('message', (data, isBinary) => {
      if (!isBinary && data.toString() === COUNT) return socket.send(`${received}`);
      received++;
    }),
  broadcast,
  'broadcast-deflate': broadcast,
  topic: broadcast,
});

function echo(socket: WebSocket): void {
  // Text as a string, as nestjs-websock delivers it.
  socket.on('message', (data, isBinary) =>
    socket.send(isBinary ? data : data.toString(), { binary: isBinary }),
  );
}

function broadcast(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? data : data.toString();
    for (const client of sockets.clients) client.send(message, { binary: isBinary });
  });
}

function isAllowed({ url }: IncomingMessage): boolean {
  return work !== 'guarded' || new URL(url!, 'http://localhost').searchParams.get('token') === TOKEN;
}

server.on('upgrade', (request, socket, head) => {
  if (isAllowed(request)) sockets.handleUpgrade(request, socket, head, serve);
  else socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
});
server.listen(0, '127.0.0.1', () => ready(portOf(server)));
