import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { upgrade, WebSockServer, type WebSock, type WebSockServerOptions } from '../../src/core.js';
import type { UwsOptions } from '../../src/uws/index.js';
import { UwsPort } from './uws.js';

/** A `WebSock` on uWebSockets.js, beside a plain `node:http` server. */
export class UwsHost extends UwsPort {
  private constructor(
    private readonly http: Server,
    readonly websockets: WebSockServer,
    options: Partial<UwsOptions>,
  ) {
    super(options);
  }

  static async start(
    websock: WebSock<any, any, any>,
    options: WebSockServerOptions = {},
    uwsOptions: Partial<UwsOptions> = {},
  ): Promise<UwsHost> {
    const http = createServer((request, response) => {
      upgrade(request, websock);
      response.end();
    });
    const host = new UwsHost(http, new WebSockServer(options), uwsOptions);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    await host.websockets.listen(host.server, http);
    return host;
  }

  async stop(): Promise<void> {
    this.leave();
    await this.websockets.close();
    this.http.close();
  }
}
