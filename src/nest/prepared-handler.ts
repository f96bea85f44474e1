import type { ContextId } from '@nestjs/core';
import {
  checkOptions,
  resolveOptions,
  type ResolvedOptions,
  type WebSockOptions,
} from '../websock/options.js';
import { CALLBACKS } from '../websock/websock.js';
import { checkUpgradeParameters } from './callback-parameters.js';
import { compileHandler, type CompiledHandler } from './compiled-handler.js';
import { checkDeclaredScope } from './declared-scope.js';
import { HandlerEnhancements, type EnhancementSetting } from './handler-enhancements.js';
import { HandlerInstances, isScoped, prototypeOf } from './handler-instances.js';
import type { HandlerMethod } from './handler-methods.js';
import { GUARDS, readMetadata } from './nest-metadata.js';
import { checkEnhancers, type FoundHandler } from './websock.explorer.js';

/** A handler, checked at boot, and ready for connections. */
export interface PreparedHandler {
  /** The one of all connections. Of a scoped handler only its shape, made of the class: it is never run. */
  readonly handler: CompiledHandler;
  /** Where a connection's own comes from; undefined where one serves all. */
  readonly instances: HandlerInstances | undefined;
  /** The options that the handler sets itself. */
  readonly ownOptions: WebSockOptions;
  /** The same over the module's defaults, and complete. */
  readonly options: ResolvedOptions;
  /** Its class has guards. */
  readonly isGuarded: boolean;
}

/** What the app says about all its handlers. */
export interface HandlerSetting extends EnhancementSetting {
  readonly defaults: WebSockOptions;
}

/** @throws ConfigError for anything that is wrong with it */
export function prepareHandler(
  found: FoundHandler,
  { defaults, ...setting }: HandlerSetting,
): PreparedHandler {
  const { handlerClass, metadata, wrapper } = found;
  const { options: ownOptions } = metadata;
  const where = `@WebSockHandler ${handlerClass.name}`;
  checkOptions(ownOptions, where);
  const options = resolveOptions(where, defaults, ownOptions);
  checkDeclaredScope(handlerClass, metadata.scope);
  const enhancements = new HandlerEnhancements(found, setting);
  const compile = (instance: object, contextId?: ContextId) =>
    compileHandler(handlerClass, instance, enhancements.bind(instance, contextId));
  const instances = isScoped(wrapper) ? new HandlerInstances(found, compile) : undefined;
  const handler =
    instances === undefined ? compile(Object(wrapper.instance) as object) : compile(prototypeOf(found));
  checkEnhancers(found, allMethods(handler));
  if (handler.upgradeMethod !== undefined) checkUpgradeParameters(handler.upgradeMethod);
  const isGuarded = (readMetadata<unknown[]>(GUARDS, handlerClass) ?? []).length > 0;
  return { handler, instances, ownOptions, options, isGuarded };
}

/** Its methods with the `@OnUpgrade` that describes its route. */
function allMethods({ methodsOf, upgradeMethod }: CompiledHandler): HandlerMethod[] {
  const methods = CALLBACKS.flatMap((callback) => methodsOf[callback]);
  return upgradeMethod === undefined ? methods : [upgradeMethod, ...methods];
}
