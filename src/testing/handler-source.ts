import { ModuleRef, type ContextId, type NestContainer } from '@nestjs/core';
import { registryOf, Connections } from '../connection/connections.js';
import { handlerOf, isWebSock, type Handler } from '../connection/handler.js';
import type { ConnectionRegistry } from '../connection/registry.js';
import { compileHandler } from '../nest/compiled-handler.js';
import { HandlerEnhancements } from '../nest/handler-enhancements.js';
import { handlerMetadataOf } from '../nest/handler-metadata.js';
import type { MessageEnhancer } from '../nest/message-enhancers.js';
import { contextIdOf } from '../nest/request-context.js';
import { OPTIONS, resolveRootOptions } from '../nest/root-options.js';
import { exploreHandlers } from '../nest/websock.explorer.js';
import { PubSub } from '../pubsub/pubsub.js';
import type { WebSockServer } from '../server/websock-server.js';
import { WebSockError } from '../websock/errors.js';
import { checkOptions, type WebSockOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { WebSock } from '../websock/websock.js';

/** A handler class. */
export type HandlerClass = new (...args: any[]) => object;

/** What providers are taken from: a TestingModule, an app, a ModuleRef. */
export interface Container {
  /** The provider of a token, from whichever module has it. Throws where there is none. */
  get<T>(token: (new (...args: any[]) => T) | string, options: { strict: false }): T;
  /** The same, of a provider that has a scope: the one of a sub-tree of providers. */
  resolve<T>(
    token: new (...args: any[]) => T,
    contextId: { readonly id: number },
    options: { strict: false },
  ): Promise<T>;
  /** Says what `REQUEST` is in a sub-tree. */
  registerRequestByContextId<T>(request: T, contextId: { readonly id: number }): void;
}

/** A handler that is ready to run, and where it belongs. */
export interface HandlerSource {
  readonly handler: Handler;
  /** Its options, the lowest first. */
  readonly layers: readonly WebSockOptions[];
  /** The registry of its app; undefined where there is none. */
  readonly registry: ConnectionRegistry | undefined;
  /** The topics of its app; undefined where there is none. */
  readonly pubsub: PubSub | undefined;
}

/**
 * The handler that a container provides, compiled as the app would compile it, but from the container as it is: `compile()`
 * alone runs nothing of what an app does at `init()`.
 */
export async function findHandler(
  container: Container,
  handlerClass: HandlerClass,
  request: UpgradeRequest,
): Promise<HandlerSource> {
  const metadata = handlerMetadataOf(handlerClass);
  if (metadata === undefined)
    throw notAHandler(`${handlerClass.name} is not decorated with @WebSockHandler()`);
  checkOptions(metadata.options, `@WebSockHandler ${handlerClass.name}`);
  const { defaults, messageEnhancers } = resolveRootOptions(lookUp(container, OPTIONS));
  const enhancements = findEnhancements(container, handlerClass, messageEnhancers);
  const { instance, contextId } = await findInstance(container, handlerClass, request);
  const connections = lookUp<Connections>(container, Connections);
  return {
    handler: compileHandler(handlerClass, instance, enhancements?.bind(instance, contextId)),
    layers: [defaults, metadata.options],
    registry: connections && registryOf(connections),
    pubsub: lookUp<PubSub>(container, PubSub),
  };
}

/** A plain `WebSock` object. */
export function plainHandler(websock: WebSock, server: WebSockServer | undefined): HandlerSource {
  if (!isWebSock(websock)) throw notAHandler('expected a WebSock object, or a module and a handler class');
  return {
    handler: handlerOf(websock),
    layers: [],
    registry: server && registryOf(server.connections),
    pubsub: server?.pubsub,
  };
}

/** Of a handler with a scope the instance of this request, which gets a sub-tree of providers of its own. */
async function findInstance(
  container: Container,
  handlerClass: HandlerClass,
  request: UpgradeRequest,
): Promise<{ instance: object; contextId?: ContextId }> {
  try {
    return { instance: container.get<object>(handlerClass, { strict: false }) };
  } catch (error) {
    if (!isNamed(error, 'InvalidClassScopeException')) throw error;
    const contextId = contextIdOf(request, container, false);
    return {
      instance: await container.resolve<object>(handlerClass, contextId, { strict: false }),
      contextId,
    };
  }
}

/** What Nest adds to its callbacks, where several modules provide it of the last: so does Nest with the instance. Undefined where the container is not Nest's. */
function findEnhancements(
  container: Container,
  handlerClass: HandlerClass,
  messageEnhancers: readonly MessageEnhancer[],
): HandlerEnhancements | undefined {
  const token = ModuleRef as unknown as new () => { container?: NestContainer };
  const moduleRef = lookUp(container, token);
  const nest = moduleRef?.container;
  const providers = nest === undefined ? [] : exploreHandlers(nest.getModules());
  const found = providers.filter(({ wrapper }) => wrapper.token === handlerClass).at(-1);
  return found && new HandlerEnhancements(found, { config: nest!.applicationConfig!, messageEnhancers });
}

function notAHandler(fault: string): WebSockError {
  return new WebSockError('WEBSOCK_NOT_A_HANDLER', `openHandler(): ${fault}`);
}

/** A provider that need not be there. */
function lookUp<T>(container: Container, token: (new (...args: any[]) => T) | string): T | undefined {
  try {
    return container.get<T>(token, { strict: false });
  } catch (error) {
    if (isNamed(error, 'UnknownElementException')) return undefined;
    throw error;
  }
}

/** Nest does not publish its exceptions. */
function isNamed(error: unknown, name: string): boolean {
  return (error as Error).constructor.name === name;
}
