import { createServer } from 'node:http';
import crossws from 'crossws/adapters/node';
import { redis } from 'crossws/sync';
import { createClient } from 'redis';
import { brokerUrl, portOf, ready } from './ready.js';

const client = createClient({ url: brokerUrl });
await client.connect();

const sockets = crossws({
  hooks: {
    open: (peer) => void peer.subscribe('room'),
    message: (_peer, message) => sockets.publish('room', message.text()),
  },
  sync: redis({ client, channel: 'bench' }),
});
const server = createServer();
server.on('upgrade', sockets.handleUpgrade);
server.listen(0, '127.0.0.1', () => ready(portOf(server)));
