import type { IncomingMessage, Server } from 'node:http';
import { WsAdapter } from '@nestjs/platform-ws';
import { pathOf } from '../upgrade/path.js';
import { TAKES } from '../upgrade/upgrade-listener.js';

/**
 * Nest's WsAdapter, for gateways that share the app's HTTP server with handlers:
 * `app.useWebSocketAdapter(new WebSockGatewayAdapter(app))`.
 *
 * It takes upgrade requests for the paths of its gateways only, where WsAdapter destroys all others. So whatever else
 * listens gets its own, an unknown path gets the app's 404, and `upgrade()` works in every controller. Needs
 * `WebSockModule` in the app; without it, it is a WsAdapter.
 */
export class WebSockGatewayAdapter extends WsAdapter {
  /** As WsAdapter's; its `upgrade` listener on the app's own HTTP server then says which requests are its. */
  protected override ensureHttpServerExists(port: number, httpServer?: Server): Server | undefined {
    const isAppsOwn = httpServer !== undefined && !this.httpServersRegistry.has(port);
    const created = super.ensureHttpServerExists(port, httpServer);
    if (isAppsOwn) {
      const listener = httpServer.listeners('upgrade').at(-1)!;
      Object.assign(listener, { [TAKES]: (request: IncomingMessage) => this.#hasGatewayAt(port, request) });
    }
    return created;
  }

  #hasGatewayAt(port: number, request: IncomingMessage): boolean {
    const path = pathOf(request);
    const servers = this.wsServersRegistry.get(port) as { path: string }[] | undefined;
    return servers?.some((server) => server.path === path) ?? false;
  }
}
