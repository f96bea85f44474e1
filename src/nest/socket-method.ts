import { hostSocket } from '../hosting/host-socket.js';
import { ConfigError } from '../websock/errors.js';
import { CALLBACKS, type WebSock } from '../websock/websock.js';
import { DECORATORS } from './handler-metadata.js';
import { handlerFunction } from './handler-function.js';
import type { HandlerMethod, HandlerMethods } from './handler-methods.js';
import { ENHANCERS, readMetadata, routeArguments } from './nest-metadata.js';

type Target = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** What hands the connections of a handler to its `@OnSocket` method, which is looked up at each call, as callbacks are. */
export function hostedBy(target: Target, { name }: HandlerMethod): WebSock {
  return hostSocket((socket, request, argument) => target[name]!(socket, request, argument));
}

/**
 * A socket's listener has the connection to itself, and is called as it is.
 *
 * @throws ConfigError `WEBSOCK_SOCKET_AND_CALLBACKS`, `WEBSOCK_ENHANCER_ON_SOCKET`
 */
export function checkSocketMethod(
  handlerName: string,
  method: HandlerMethod,
  methodsOf: HandlerMethods,
): void {
  const callback = CALLBACKS.flatMap((name) => methodsOf[name])[0];
  if (callback !== undefined) throw besideCallback(handlerName, method, callback);
  const handler = handlerFunction(method);
  const isEnhanced =
    handler !== undefined && ENHANCERS.some((key) => readMetadata(key, handler) !== undefined);
  if (!isEnhanced && Object.keys(routeArguments(method.owner, method.name)).length === 0) return;
  throw new ConfigError(
    'WEBSOCK_ENHANCER_ON_SOCKET',
    `${handlerName}.${method.name}() is @OnSocket(), which gets the socket, the request and what @OnUpgrade() returned: remove its ` +
      'guards, interceptors, pipes, filters and parameter decorators. On the class, or on an @OnUpgrade() method, they decide the upgrade',
  );
}

function besideCallback(handlerName: string, socket: HandlerMethod, callback: HandlerMethod): ConfigError {
  const decorator = DECORATORS[callback.serves];
  return new ConfigError(
    'WEBSOCK_SOCKET_AND_CALLBACKS',
    `${handlerName}: ${socket.name}() has @OnSocket(), which takes the whole connection, and ${callback.name}() has ${decorator}(). ` +
      `Remove one of them: what arrives and the end are the socket's events, socket.on('message', …) and socket.on('close', …)`,
  );
}
