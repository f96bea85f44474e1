import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import { portOf, ready } from './ready.js';

const app = Fastify();
await app.register(websocket);
app.get('/echo', { websocket: true }, (socket) => {
  socket.on('message', (data, isBinary) =>
    socket.send(isBinary ? data : data.toString(), { binary: isBinary }),
  );
});
await app.listen({ port: 0, host: '127.0.0.1' });
ready(portOf(app.server));
