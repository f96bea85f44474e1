/**
 * A second server, uWebSockets.js, on a port of its own. The package is yours to install: npm install uNetworking/uWebSockets.js#v20.x
 *
 * @module nestjs-websock/uws
 */
import type { WireServer } from '../server/server.js';
import { checkUwsOptions, type UwsOptions } from './uws-options.js';
import { UwsServer } from './uws-server.js';

export type { UwsAppLike } from './uws-app.js';
export type { UwsOptions } from './uws-options.js';

/**
 * WebSockets on uWebSockets.js, beside Nest's HTTP server: `WebSockModule.forRoot({ servers: [uws({ app: () => App(), port: 9001 })] })`, or
 * without Nest `webSockServer.listen(uws({ … }), httpServer)`. The same handlers behind the same guards; docs/uws.md lists what uWS cannot do.
 *
 * @throws ConfigError for an option that is no good; at boot MissingPackageError when uWebSockets.js does not load
 */
export function uws(options: UwsOptions): WireServer {
  checkUwsOptions(options);
  return new UwsServer(options);
}
