import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { binary, push, text, upgrade, UpgradeError, WebSockServer, type WebSock } from '../../src/core.js';
import type { Answers, Held } from './remote-host.js';

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
const websockets = new WebSockServer(JSON.parse(options!)).attach(server);

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

const answers: { [Q in keyof Answers]: () => Promise<Answers[Q]> } = {
  async held(): Promise<Held> {
    // Once more after finalizers have run, and with nothing between it and the reading.
    globalThis.gc!();
    await turn();
    globalThis.gc!();
    const { heapUsed, external, rss } = process.memoryUsage();
    const tcpConnections = await new Promise<number>((resolve) =>
      server.getConnections((_error, count) => resolve(count)),
    );
    return {
      live: heapUsed + external,
      rss,
      connections: websockets.connections.list().length,
      tcpConnections,
    };
  },
  async close() {
    await websockets.close();
    return left;
  },
};

process.on('message', async (question: keyof Answers) => process.send!(await answers[question]()));
process.once('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
