import { Scope } from '@nestjs/common';
import { ModuleRef, type ContextId } from '@nestjs/core';
import type { CompiledHandler } from './compiled-handler.js';
import type { DeclaredScope } from './declared-scope.js';
import type { InstanceWrapper, Type } from './nest-types.js';
import { contextIdOf } from './request-context.js';
import type { FoundHandler } from './websock.explorer.js';

/** Makes the callbacks of an instance, with what belongs to the sub-tree of providers that it is of. */
export type CompileInstance = (instance: object, contextId: ContextId) => CompiledHandler;

/** One instance does not serve all connections: the handler, something it injects or one of its enhancers has a scope. */
export function isScoped(wrapper: InstanceWrapper): boolean {
  return wrapper.isTransient || !wrapper.isDependencyTreeStatic();
}

/**
 * The scope of the route that stands for a handler: Nest then makes one sub-tree of providers for the request, which its
 * guards, pipes, interceptors and the handler share. A transient guard of a singleton needs it too: Nest makes it for a
 * controller when the app starts, before this route exists.
 */
export function scopeOfRoute(
  { wrapper }: FoundHandler,
  enhancers: readonly InstanceWrapper[],
): DeclaredScope {
  if (!isScoped(wrapper) && !enhancers.some(({ isTransient }) => isTransient)) return {};
  const durable =
    wrapper.isDependencyTreeDurable() &&
    enhancers.every((enhancer) => enhancer.isDependencyTreeStatic() || enhancer.isDependencyTreeDurable());
  return { scope: Scope.REQUEST, durable };
}

/** Stands for the instances of a scoped handler, of which there is none yet. */
export function prototypeOf({ handlerClass, wrapper: { metatype, inject } }: FoundHandler): object {
  const isClass = typeof metatype === 'function' && !inject && metatype.prototype !== undefined;
  return (isClass ? (metatype as Type) : handlerClass).prototype as object;
}

/** The instances of a scoped handler: one for each upgrade request, or, if it is durable, for all that belong together. */
export class HandlerInstances {
  constructor(
    private readonly found: FoundHandler,
    private readonly compile: CompileInstance,
  ) {}

  /** The handler for a request, of the sub-tree of providers that the request has. Rejects with what a constructor throws. */
  async resolve(request: object): Promise<CompiledHandler> {
    const { token } = this.found.wrapper;
    const contextId = this.#contextIdOf(request);
    // Strictly: another module may provide the same class.
    const instance: unknown = await this.#moduleRef.resolve(token, contextId, { strict: true });
    return this.compile(Object(instance) as object, contextId);
  }

  /** The same of an instance that somebody has injected. */
  adopt(instance: object, request: object): CompiledHandler {
    return this.compile(instance, this.#contextIdOf(request));
  }

  #contextIdOf(request: object): ContextId {
    return contextIdOf(request, this.#moduleRef, this.found.wrapper.isDependencyTreeDurable());
  }

  get #moduleRef(): ModuleRef {
    return this.found.module.providers.get(ModuleRef)!.instance as ModuleRef;
  }
}
