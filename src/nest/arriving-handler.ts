import type { Handler } from '../connection/handler.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { ok } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';

/**
 * The handler of one connection while its instance is still being made: `upgrade()` must not wait, so `init` does. An instance
 * that cannot be made is an `init` that failed.
 *
 * @param shape the callbacks that it will have
 */
export function arrivingHandler(shape: Handler, arrival: Promise<Handler>): Handler {
  // `init` reports it; where none comes to run, the upgrade has come to nothing.
  arrival.catch(() => {});
  const init = async (argument: unknown, connection: LiveConnection): Promise<unknown> => {
    const { websock, methods, recover } = await arrival;
    // Nobody waits for it any more; and what `init` set up `terminate` would not take down.
    if (connection.isEnding) throw connection.signal.reason;
    Object.assign(handler, { websock, methods, recover });
    return websock.init === undefined ? ok(argument) : await websock.init(argument, connection);
  };
  const handler: Handler = {
    name: shape.name,
    methods: shape.methods,
    recover: undefined,
    websock: { ...shape.websock, init } as unknown as WebSock,
  };
  return handler;
}
