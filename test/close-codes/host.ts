import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostSocket, upgrade, WebSockServer } from '../../src/core.js';
import type { Trial } from './trial.js';

/** The server of all clients. The first part of the path says which trial a connection is of; what is behind it is the client's. */
export class Host {
  readonly #trials = new Map<string, Trial>();
  readonly #http = createServer((request, response) => {
    this.#admit(request);
    response.end();
  });
  readonly #server = new WebSockServer({ protocols: ['graphql-transport-ws', 'mqtt'] }).attach(this.#http);

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** The address that its client is to be given. */
  expect(trial: Trial): string {
    const name = `trial-${this.#trials.size}`;
    this.#trials.set(name, trial);
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/${name}`;
  }

  async stop(): Promise<void> {
    await this.#server.close();
    this.#http.close();
  }

  #admit(request: IncomingMessage): void {
    const trial = this.#trials.get(request.url!.split(/[/?]/)[1]!)!;
    trial.arrived();
    upgrade(
      request,
      hostSocket((socket) => trial.connected(socket)),
    );
  }
}
