import { registryOf, Connections } from '../connection/connections.js';
import { handlerOf, isWebSock, type Handler } from '../connection/handler.js';
import type { ConnectionRegistry } from '../connection/registry.js';
import { compileHandler } from '../nest/compiled-handler.js';
import { handlerMetadataOf } from '../nest/handler-metadata.js';
import { OPTIONS } from '../nest/root-options.js';
import { resolveServerOptions, type WebSockServerOptions } from '../server/server-options.js';
import { WebSockError } from '../websock/errors.js';
import { checkOptions, type WebSockOptions } from '../websock/options.js';
import type { WebSock } from '../websock/websock.js';

/** A handler class. */
export type HandlerClass = new (...args: any[]) => object;

/** What providers are taken from: a TestingModule, an app, a ModuleRef. */
export interface Container {
  get<T>(token: (new (...args: any[]) => T) | string, options: { strict: false }): T;
}

/** A handler that is ready to run, and where it belongs. */
export interface HandlerSource {
  readonly handler: Handler;
  /** Its options, the lowest first. */
  readonly layers: readonly WebSockOptions[];
  /** The registry of its app; undefined where there is none. */
  readonly registry: ConnectionRegistry | undefined;
}

/**
 * The handler that a container provides, compiled as the app would compile it, but from the container as it is: `compile()`
 * alone runs nothing of what an app does at `init()`.
 */
export function findHandler(container: Container, handlerClass: HandlerClass): HandlerSource {
  const metadata = handlerMetadataOf(handlerClass);
  if (metadata === undefined)
    throw notAHandler(`${handlerClass.name} is not decorated with @WebSockHandler()`);
  checkOptions(metadata.options, `@WebSockHandler ${handlerClass.name}`);
  const instance = container.get<object>(handlerClass, { strict: false });
  const options = lookUp<WebSockServerOptions>(container, OPTIONS) ?? {};
  const { defaults } = resolveServerOptions(options, 'WebSockModule.forRoot()');
  const connections = lookUp<Connections>(container, Connections);
  return {
    handler: compileHandler(handlerClass, instance),
    layers: [defaults, metadata.options],
    registry: connections && registryOf(connections),
  };
}

/** A plain `WebSock` object. */
export function plainHandler(websock: WebSock): HandlerSource {
  if (!isWebSock(websock)) throw notAHandler('expected a WebSock object, or a module and a handler class');
  return { handler: handlerOf(websock), layers: [], registry: undefined };
}

function notAHandler(fault: string): WebSockError {
  return new WebSockError('WEBSOCK_NOT_A_HANDLER', `openHandler(): ${fault}`);
}

/** A provider that need not be there. */
function lookUp<T>(container: Container, token: (new (...args: any[]) => T) | string): T | undefined {
  try {
    return container.get<T>(token, { strict: false });
  } catch (error) {
    if ((error as Error).constructor.name === 'UnknownElementException') return undefined;
    throw error;
  }
}
