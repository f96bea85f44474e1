import type { HttpAdapterHost } from '@nestjs/core';
import type { WireServer } from '../server/server.js';
import type { WebSockServer } from '../server/websock-server.js';

/** Fastify's instance, as far as it is needed here. */
interface Ready {
  ready(): PromiseLike<unknown>;
}

/** Starts the servers that the module was given; none is left listening if one of them cannot. */
export async function startServers(
  websockets: WebSockServer,
  servers: readonly WireServer[],
  httpAdapter: HttpAdapterHost['httpAdapter'],
): Promise<void> {
  // Fastify loads its plugins when it begins to listen; these listen before it, and no request may get past a plugin.
  if (httpAdapter.getType() === 'fastify') await httpAdapter.getInstance<Ready>().ready();
  try {
    for (const server of servers) await websockets.listen(server, httpAdapter.getHttpServer());
  } catch (error) {
    await websockets.close();
    throw error;
  }
}
