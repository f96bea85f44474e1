import { createServer } from 'node:http';
import crossws from 'crossws/adapters/node';
import { portOf, ready } from './ready.js';

const { handleUpgrade } = crossws({
  hooks: {
    message: (peer, message) => void peer.send(message.rawData),
  },
});
const server = createServer();
server.on('upgrade', handleUpgrade);
server.listen(0, '127.0.0.1', () => ready(portOf(server)));
