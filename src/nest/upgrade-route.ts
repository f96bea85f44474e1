import { Controller, Get, Req, Res } from '@nestjs/common';
import { handlerFunction } from './handler-function.js';
import type { HandlerMethod } from './handler-methods.js';
import type { HandlerMetadata } from './handler-metadata.js';
import {
  copyMetadata,
  GUARDS,
  PARAM_TYPES,
  readMetadata,
  ROUTE_ARGUMENTS,
  routeArguments,
} from './nest-metadata.js';
import type { Type } from './nest-types.js';
import type { UpgradeDecision } from './upgrade-decision.js';

/**
 * Makes the controller that stands for a handler in Nest's router: a `GET` on the handler's paths that carries the metadata
 * of the handler's class and of its `@OnUpgrade` method. So prefix, versioning, guards, pipes, interceptors, filters and
 * parameter decorators apply as to any controller, and nothing here repeats them.
 */
export function makeUpgradeRoute(
  handlerClass: Type,
  { paths, version, host, scope }: HandlerMetadata,
  upgradeMethod: HandlerMethod | undefined,
  decision: UpgradeDecision,
): Type {
  const route = makeClass(handlerClass.name, upgradeMethod?.name ?? 'upgrade', decision);
  copyMetadata(handlerClass, route);
  Controller({ path: [...paths], version, host, ...scope })(route);
  // Swagger leaves it out. The key is fixed, so that this needs no Swagger.
  Reflect.defineMetadata('swagger/apiExcludeController', [true], route);
  // First of the class's guards: the limit covers the others.
  const guards = readMetadata<unknown[]>(GUARDS, route) ?? [];
  Reflect.defineMetadata(GUARDS, [decision.limitGuard, ...guards], route);
  decorateMethod(route, upgradeMethod);
  return route;
}

/** The method is named as the handler's, for `getHandler().name` and the like. */
function makeClass(name: string, method: string, decision: UpgradeDecision): Type {
  const named = {
    [name]: class {
      [method](...args: unknown[]): Promise<unknown> {
        const response = args.pop();
        const request = args.pop();
        return decision.decide(request, response, args);
      }
    },
  };
  return named[name] as Type;
}

function decorateMethod(route: Type, upgradeMethod: HandlerMethod | undefined): void {
  const prototype = route.prototype as Record<string, object>;
  const method = upgradeMethod?.name ?? 'upgrade';
  if (upgradeMethod !== undefined) copyMethodMetadata(upgradeMethod, route);
  const types = readMetadata<unknown[]>(PARAM_TYPES, prototype, method) ?? [];
  const decorated = Object.values(routeArguments(route, method));
  const count = Math.max(types.length, ...decorated.map(({ index }) => index + 1));
  Get()(prototype, method, Object.getOwnPropertyDescriptor(prototype, method)!);
  // Behind theirs: the request and the response, for the decision itself.
  Req()(prototype, method, count);
  Res({ passthrough: true })(prototype, method, count + 1);
  const all = Array.from({ length: count + 2 }, (_, index) => types[index] ?? Object);
  Reflect.defineMetadata(PARAM_TYPES, all, prototype, method);
}

/** The decorators of the method and of its parameters, and its parameter types. */
function copyMethodMetadata(method: HandlerMethod, route: Type): void {
  const { owner, name } = method;
  copyMetadata(handlerFunction(method)!, (route.prototype as Record<string, object>)[name]!);
  Reflect.defineMetadata(ROUTE_ARGUMENTS, { ...routeArguments(owner, name) }, route, name);
  Reflect.defineMetadata(
    PARAM_TYPES,
    readMetadata(PARAM_TYPES, owner.prototype as object, name),
    route.prototype,
    name,
  );
}
