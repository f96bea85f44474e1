import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import {
  upgrade,
  UpgradeError,
  WebSockServer,
  type CloseFacts,
  type CloseReason,
  type WebSock,
  type WebSockServerOptions,
} from '../../src/core.js';
import { Log } from './log.js';
import { RawClient, type RequestSpec } from './raw-client.js';
import type { Bytes } from './frames.js';

/** What `terminate` received. */
export interface Ended {
  readonly reason: CloseReason;
  readonly state: unknown;
  readonly facts: CloseFacts;
}

/** The app's own request listener, where a case needs another than the one that upgrades everything. */
export type Decide = (request: IncomingMessage, response: ServerResponse, websock: WebSock) => void;

/** `npm run test:plain-ws` plays the same with all reading left to ws. */
const FAST_PATH: WebSockServerOptions = process.env['FAST_PATH'] === 'off' ? { fastPath: false } : {};

const hosts = new Set<Host>();

/** A `WebSock` on a plain `node:http` server, and what its `terminate` receives. */
export class Host {
  readonly ended = new Log<Ended>();
  readonly websockets: WebSockServer;
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly server: Server,
    options: WebSockServerOptions,
  ) {
    this.websockets = new WebSockServer({ ...FAST_PATH, ...options }).attach(server);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    hosts.add(this);
  }

  static async start(
    websock: WebSock<any, any, any>,
    options: WebSockServerOptions = {},
    decide = upgradeAll,
  ) {
    const server = createServer();
    const host = new Host(server, options);
    const observed = observe(websock, host.ended);
    server.on('request', (request, response) => decide(request, response, observed));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return host;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** TCP connections that the server has open. */
  get tcpConnections(): number {
    return this.#sockets.size;
  }

  /** From all open connections. */
  get bytesRead(): number {
    return sum([...this.#sockets].map((socket) => socket.bytesRead));
  }

  /** Handed to the kernel for all open connections. */
  get bytesWritten(): number {
    return sum([...this.#sockets].map((socket) => socket.bytesWritten - socket.writableLength));
  }

  open(request?: RequestSpec, early?: Bytes): Promise<RawClient> {
    return RawClient.open(this.port, request, early);
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    hosts.delete(this);
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.websockets.close();
  }
}

/** Serves the `WebSock` to every client that asks. */
export function serve(
  websock: WebSock<any, any, any>,
  options?: WebSockServerOptions,
  decide?: Decide,
): Promise<Host> {
  return Host.start(websock, options, decide);
}

/** For `afterEach`. */
export async function stopHosts(): Promise<void> {
  await Promise.all([...hosts].map((host) => host.stop()));
}

export const upgradeAll: Decide = (request, response, websock) => {
  try {
    upgrade(request, websock);
    response.end();
  } catch (error) {
    if (!(error instanceof UpgradeError)) throw error;
    response.writeHead(error.status, error.headers).end(error.message);
  }
};

function observe(websock: WebSock<any, any, any>, ended: Log<Ended>): WebSock<any, any, any> {
  return {
    ...websock,
    terminate(reason, state, facts, connection) {
      ended.add({ reason, state, facts });
      return websock.terminate?.(reason, state, facts, connection);
    },
  };
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
