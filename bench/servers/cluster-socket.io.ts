import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { brokerUrl, portOf, ready } from './ready.js';

const publisher = createClient({ url: brokerUrl });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, { transports: ['websocket'], adapter: createAdapter(publisher, subscriber) });
io.on('connection', (socket) => {
  void socket.join('room');
  socket.on('room', (message) => io.to('room').emit('room', message));
});
server.listen(0, '127.0.0.1', () => ready(portOf(server)));
