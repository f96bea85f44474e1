import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { binary, push, text, upgrade, UpgradeError, WebSockServer, type WebSock } from '../../src/core.js';
import { answerParent, measureHeld } from './remote-answers.js';

const websocks: Record<string, WebSock<any>> = {
  echo: { handleIn: (message, state) => push(message, state) },
  /** Answers a text with it and 1 MiB, a binary with itself. */
  generous: {
    handleIn: (message, state) =>
      push(message[0] === 'text' ? [text(message[1]), binary(Buffer.alloc(1_048_576, 'x'))] : message, state),
  },
};

const [name, options] = process.argv.slice(2);
const server = createServer();
const fastPath = process.env['FAST_PATH'] !== 'off';
const websockets = new WebSockServer({ fastPath, ...JSON.parse(options!) }).attach(server);

server.on('request', (request, response) => {
  try {
    upgrade(request, websocks[name!]!);
    response.end();
  } catch (error) {
    if (!(error instanceof UpgradeError)) throw error;
    response.writeHead(error.status, error.headers).end();
  }
});

let left = 0;
subscribe('nestjs-websock.drain.start', (event) => (left = (event as { connections: number }).connections));

answerParent({
  held: () => measureHeld(server, websockets.connections),
  async close() {
    await websockets.close();
    return left;
  },
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
