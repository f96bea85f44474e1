import { isMarked } from './handler-metadata.js';
import type { HandlerMethod } from './handler-methods.js';
import { copyMetadata } from './nest-metadata.js';
import type { Type } from './nest-types.js';

type MethodOfClass = Pick<HandlerMethod, 'owner' | 'name'>;
type Method = (...args: unknown[]) => unknown;

/**
 * The function that describes a method: its guards and the like, and what `getHandler()` is. A method that overrides another
 * without any decorator keeps the decorators of that one, as it keeps its `@On…`: it is the nearest with metadata, up to the
 * class with the `@On…` decorator; without any, that of the class itself. Undefined where its class has no such method.
 */
export function handlerFunction({ owner, name }: MethodOfClass): Method | undefined {
  const { prototype } = owner as { prototype: object };
  for (let level = prototype; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    const { value } = Object.getOwnPropertyDescriptor(level, name) ?? {};
    if (typeof value === 'function' && Reflect.getOwnMetadataKeys(value as object).length > 0)
      return value as Method;
    if (isMarked(level, name)) break;
  }
  return calledFunction({ owner, name });
}

/** The function that a call of the method runs. */
export function calledFunction({ owner, name }: MethodOfClass): Method | undefined {
  return (owner.prototype as Record<string, Method | undefined>)[name];
}

/** Nest sets up the guards and the like of the function that a class calls; so that has to carry them itself. */
export function keepDecorators(owner: Type, names: Iterable<string>): void {
  for (const name of names) {
    const called = calledFunction({ owner, name });
    const described = handlerFunction({ owner, name });
    if (called !== undefined && described !== undefined && called !== described)
      copyMetadata(described, called);
  }
}
