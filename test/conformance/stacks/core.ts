import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { upgrade, UpgradeError, WebSockServer } from '../../../src/core.js';
import { handlerClass, type MachineSpec } from '../machine.js';
import { decide, readOrder, type Stack, type StackSpec } from './stack.js';

/** `./core` on a plain `node:http` server, without Nest. */
export async function startCore({ defaults, drainer, traces }: StackSpec): Promise<Stack> {
  const server = createServer((request, response) => {
    try {
      answer(request, response);
    } catch (error) {
      refuse(response, error);
    }
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') return void response.writeHead(404).end();
    if (!request.url!.startsWith('/ws')) return void response.end('plain');
    const order = readOrder(request.url!, traces);
    for (const [name, value] of order.spec.resp_headers ?? []) response.setHeader(name, value);
    decide<void>(order, {
      upgrade: (options) => void upgrade(request, handlerOf(order.spec), order.machine, options),
      upgradeToNothing: () => void upgrade(request, {}),
      forbid: () => void (response.statusCode = 403),
    });
    response.end(response.statusCode === 403 ? 'no' : '');
  }

  const webSockServer = new WebSockServer({ ...defaults, drainer }).attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sendInfo: (ref, message) => webSockServer.connections.sendInfo(ref, message),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      await webSockServer.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const handlers = new Map<unknown, object>();

/** One object per module, as an app would have. */
function handlerOf(spec: MachineSpec): object {
  const Handler = handlerClass(spec);
  let handler = handlers.get(Handler);
  if (handler === undefined) handlers.set(Handler, (handler = new Handler()));
  return handler;
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, headers } = error instanceof UpgradeError ? error : { status: 500, headers: {} };
  response.writeHead(status, headers).end((error as Error).message);
}
