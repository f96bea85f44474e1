import type { ModulesContainer } from '@nestjs/core';
import { ConfigError } from '../websock/errors.js';
import { DECORATORS, handlerMetadataOf, markedMethods, type HandlerMetadata } from './handler-metadata.js';
import type { HandlerMethod } from './handler-methods.js';
import { ENHANCERS, readMetadata, routeArguments } from './nest-metadata.js';
import type { InstanceWrapper, NestModuleRef, Type } from './nest-types.js';

/** A handler in the providers of a module. */
export interface FoundHandler {
  readonly handlerClass: Type;
  readonly metadata: HandlerMetadata;
  readonly wrapper: InstanceWrapper;
  readonly module: NestModuleRef;
}

/**
 * Finds the handlers among all providers.
 *
 * @throws ConfigError `WEBSOCK_CALLBACK_OUTSIDE_HANDLER`
 */
export function exploreHandlers(modules: ModulesContainer): FoundHandler[] {
  const found: FoundHandler[] = [];
  for (const module of modules.values()) {
    for (const wrapper of module.providers.values()) {
      const handlerClass = handlerClassOf(wrapper);
      if (handlerClass === undefined) rejectMarks(wrapper, module);
      else found.push({ handlerClass, metadata: handlerMetadataOf(handlerClass)!, wrapper, module });
    }
    for (const wrapper of module.controllers.values()) rejectMarks(wrapper, module);
  }
  return found;
}

/** By token first: overrideProvider() leaves nothing else of the class. */
function handlerClassOf({ token, metatype, inject, isAlias }: InstanceWrapper): Type | undefined {
  if (handlerMetadataOf(token) !== undefined) return token as Type;
  const isClass = !isAlias && !inject && handlerMetadataOf(metatype) !== undefined;
  return isClass ? (metatype as Type) : undefined;
}

function rejectMarks({ metatype, inject }: InstanceWrapper, module: NestModuleRef): void {
  if (typeof metatype !== 'function' || inject || !metatype.prototype) return;
  for (const { method, mark } of markedMethods(metatype as Type)) {
    throw new ConfigError(
      'WEBSOCK_CALLBACK_OUTSIDE_HANDLER',
      `${metatype.name}.${method}() in ${module.name} has ${DECORATORS[mark]}(), but ${metatype.name} is no handler: ` +
        'decorate the class with @WebSockHandler() and list it in providers, or remove the decorator',
    );
  }
}

/**
 * Nest sets up the guards of a class that is listed in `providers`; of `{ provide, useFactory }` and the like it does not, and
 * its router leaves out a guard that it does not find. Neither an upgrade nor a message must pass unguarded.
 *
 * @throws ConfigError `WEBSOCK_NOT_A_HANDLER`
 */
export function checkEnhancers(
  { handlerClass, module }: FoundHandler,
  methods: readonly HandlerMethod[],
): void {
  for (const enhancer of [...enhancersOf(handlerClass), ...methods.flatMap(enhancersOfMethod)]) {
    if (typeof enhancer !== 'function' || module.injectables.has(enhancer)) continue;
    throw new ConfigError(
      'WEBSOCK_NOT_A_HANDLER',
      `${handlerClass.name} is a custom provider of ${module.name}, for which Nest does not set up ${enhancer.name}: ` +
        `list the class itself in providers`,
    );
  }
}

/** What Nest instantiates for the route of a handler: the guards and the like of its class and of `@OnUpgrade`. */
export function routeEnhancers(
  { handlerClass, module }: FoundHandler,
  upgradeMethod: HandlerMethod | undefined,
): InstanceWrapper[] {
  const ofMethod = upgradeMethod === undefined ? [] : enhancersOfMethod(upgradeMethod);
  return [...enhancersOf(handlerClass), ...ofMethod]
    .map((enhancer) => module.injectables.get(enhancer as Type))
    .filter((wrapper) => wrapper !== undefined);
}

function enhancersOfMethod({ owner, name }: HandlerMethod): unknown[] {
  const method = (owner.prototype as Record<string, object | undefined>)[name];
  const pipes = Object.values(routeArguments(owner, name)).flatMap((argument) => argument.pipes ?? []);
  return [...(method === undefined ? [] : enhancersOf(method)), ...pipes];
}

function enhancersOf(target: object): unknown[] {
  return ENHANCERS.flatMap((key) => readMetadata<unknown[]>(key, target) ?? []);
}
