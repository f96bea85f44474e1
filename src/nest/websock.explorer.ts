import type { ModulesContainer } from '@nestjs/core';
import { ConfigError } from '../websock/errors.js';
import { DECORATORS, handlerMetadataOf, markedMethods, type HandlerMetadata } from './handler-metadata.js';
import { handlerFunction } from './handler-function.js';
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
  { handlerClass, wrapper, module }: FoundHandler,
  methods: readonly HandlerMethod[],
): void {
  for (const enhancer of [...enhancersOf(handlerClass), ...methods.flatMap(enhancersOfMethod)]) {
    if (typeof enhancer !== 'function' || module.injectables.has(enhancer)) continue;
    const { name } = handlerClass;
    const fault =
      wrapper.metatype === handlerClass && !wrapper.inject
        ? `${name} overrides a method that has ${enhancer.name}, which Nest does not set up for it: decorate ${name} with ` +
          '@WebSockHandler(), or its method as the one that it overrides'
        : `${name} is a custom provider of ${module.name}, for which Nest does not set up ${enhancer.name}: list the class ` +
          'itself in providers';
    throw new ConfigError('WEBSOCK_NOT_A_HANDLER', fault);
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

function enhancersOfMethod(method: HandlerMethod): unknown[] {
  const handler = handlerFunction(method);
  const decorated = Object.values(routeArguments(method.owner, method.name));
  const pipes = decorated.flatMap((argument) => argument.pipes ?? []);
  return [...(handler === undefined ? [] : enhancersOf(handler)), ...pipes];
}

function enhancersOf(target: object): unknown[] {
  return ENHANCERS.flatMap((key) => readMetadata<unknown[]>(key, target) ?? []);
}
