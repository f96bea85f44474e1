import uWS from '@trufflesuite/uws-js-unofficial';
import type { WireServer } from '../../src/core.js';
import { uws, type UwsAppLike, type UwsOptions } from '../../src/uws/index.js';
import { RawClient, type RequestSpec } from './raw-client.js';

/** A server on uWebSockets.js, on a free port of its own. */
export class UwsPort {
  readonly server: WireServer;
  readonly #clients: RawClient[] = [];
  #number = 0;

  constructor(options: Partial<UwsOptions> = {}) {
    this.server = uws({
      app: (): UwsAppLike => uWS.App(),
      host: '127.0.0.1',
      port: 0,
      listening: (socket) => (this.#number = uWS.us_socket_local_port(socket as object)),
      ...options,
    });
  }

  /** Known once it listens. */
  get number(): number {
    return this.#number;
  }

  /** A client that has sent nothing. */
  async dial(): Promise<RawClient> {
    const client = await RawClient.dial(this.#number);
    this.#clients.push(client);
    return client;
  }

  async open(path: string, request?: RequestSpec): Promise<RawClient> {
    const client = await this.dial();
    await client.request({ path, ...request });
    return client;
  }

  /** The clients: they answer nothing, and the app would wait. */
  leave(): void {
    for (const client of this.#clients) client.destroy();
  }
}
