import type { ExecutionContext } from '@nestjs/common';
import type { Type } from './nest-types.js';

// Nest's metadata keys. It publishes them only from paths that moved between 11 and 12; the keys themselves are stable.
export const GUARDS = '__guards__';
export const ROUTE_ARGUMENTS = '__routeArguments__';
export const PATH = 'path';
export const METHOD = 'method';
export const HOST = 'host';
export const VERSION = '__version__';
export const MODULE_PATH = '__module_path__';
export const GATEWAY = 'websockets:is_gateway';
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
export const GATEWAY_PORT = 'port';
export const PARAM_TYPES = 'design:paramtypes';
export const INJECTABLE = '__injectable__';
export const SCOPE = 'scope:options';

export const CATCHES = '__filterCatchExceptions__';
/** In the key of what `createParamDecorator` has made, as Nest writes it. */
export const CUSTOM_ARGUMENT = '__customRouteArgs__';
/** In the key of our own `@State()`. */
export const STATE = 'websock:state';

/** Everything that can be attached to a class or method and that Nest instantiates. */
export const ENHANCER_KEYS = {
  guards: GUARDS,
  interceptors: '__interceptors__',
  pipes: '__pipes__',
  filters: '__exceptionFilters__',
} as const;
export type EnhancerKind = keyof typeof ENHANCER_KEYS;
export const ENHANCERS = Object.values(ENHANCER_KEYS);

/** What makes a class the class it is; not for another one. */
const OWN = new Set([
  PARAM_TYPES,
  'self:paramtypes',
  'self:properties_metadata',
  'optional:paramtypes',
  'optional:properties_metadata',
  SCOPE,
  INJECTABLE,
  'websock:handler',
]);

export function readMetadata<T>(key: string, target: object, method?: string): T | undefined {
  return (
    method === undefined ? Reflect.getMetadata(key, target) : Reflect.getMetadata(key, target, method)
  ) as T | undefined;
}

/** The names of a class's methods, inherited ones included. Touches no accessor. */
export function methodNames(prototype: object): string[] {
  const names = new Map<string, boolean>([['constructor', false]]);
  for (let level = prototype; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (!names.has(name)) names.set(name, typeof value === 'function');
  }
  return [...names].filter(([, isMethod]) => isMethod).map(([name]) => name);
}

/** Copies the metadata of a class to another class, or of a method to another method. */
export function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getMetadataKeys(from)) {
    if (!OWN.has(key as string)) Reflect.defineMetadata(key, Reflect.getMetadata(key, from), to);
  }
}

/** The parameter decorators of a method, by `type:index`. */
export function routeArguments(target: Type, method: string): Record<string, RouteArgument> {
  return readMetadata(ROUTE_ARGUMENTS, target, method) ?? {};
}

/** One parameter decorator. */
export interface RouteArgument {
  readonly index: number;
  /** What the decorator was given: the name of a field, a header, … */
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
  /** For pipes; since Nest 12. */
  readonly schema?: unknown;
  /** Of a decorator made by `createParamDecorator`. */
  readonly factory?: (data: unknown, context: ExecutionContext) => unknown;
}
