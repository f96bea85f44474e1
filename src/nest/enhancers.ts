import type { ApplicationConfig, ContextId } from '@nestjs/core';
import { ENHANCER_KEYS, readMetadata, type EnhancerKind } from './nest-metadata.js';
import { handlerFunction } from './handler-function.js';
import type { HandlerMethod } from './handler-methods.js';
import type { InstanceWrapper } from './nest-types.js';
import type { FoundHandler } from './websock.explorer.js';

/** Gives the instance of an enhancer in a sub-tree of providers: of a singleton always the same. */
export type Enhancer<T> = (contextId: ContextId) => T;

/** The guards, interceptors, pipes and filters of a handler, of each kind in the order in which Nest runs them. */
export class Enhancers {
  constructor(
    private readonly found: FoundHandler,
    private readonly config: ApplicationConfig,
  ) {}

  /** Those of the app. */
  ofApp<T>(kind: EnhancerKind): Enhancer<T>[] {
    const { singletons, scoped } = globals(this.config, kind);
    return [
      ...singletons.map((instance) => () => instance as T),
      ...scoped.map((wrapper) => this.#instanceOf<T>(wrapper)),
    ];
  }

  /** Gives the handler the scope of those of the app, as Nest does to controllers: they are made where it is. */
  takeScopeOfApp(kind: EnhancerKind): void {
    const { wrapper } = this.found;
    for (const scoped of globals(this.config, kind).scoped) {
      if (wrapper.getEnhancersMetadata()?.includes(scoped) !== true) wrapper.addEnhancerMetadata(scoped);
    }
  }

  ofClass<T>(kind: EnhancerKind): Enhancer<T>[] {
    return this.#attachedTo(this.found.handlerClass, kind);
  }

  ofMethod<T>(kind: EnhancerKind, method: HandlerMethod): Enhancer<T>[] {
    const handler = handlerFunction(method);
    return handler === undefined ? [] : this.#attachedTo(handler, kind);
  }

  /** Those that a decorator was given: classes that Nest has instantiated, and objects. */
  of<T>(given: readonly unknown[]): Enhancer<T>[] {
    return given.filter(Boolean).map((enhancer) => {
      if (typeof enhancer !== 'function') return () => enhancer as T;
      // What Nest has not set up is a boot error, by checkEnhancers; here it comes out as undefined.
      return this.#instanceOf<T>(this.found.module.injectables.get(enhancer));
    });
  }

  #attachedTo<T>(target: object, kind: EnhancerKind): Enhancer<T>[] {
    return this.of(readMetadata<unknown[]>(ENHANCER_KEYS[kind], target) ?? []);
  }

  #instanceOf<T>(wrapper: InstanceWrapper | undefined): Enhancer<T> {
    // A transient enhancer is made for each handler.
    const { id } = this.found.wrapper;
    return (contextId) => {
      const host = wrapper?.getInstanceByContextId(contextIdFor(wrapper, contextId), id);
      // Where its constructor has not run Nest keeps a bare object in its place.
      const isMade = wrapper?.isNotMetatype || host?.isConstructorCalled;
      return (isMade ? host?.instance : undefined) as T;
    };
  }
}

/** A durable sub-tree lies below that of the request. */
function contextIdFor(wrapper: InstanceWrapper, contextId: ContextId): ContextId {
  if (contextId.getParent === undefined) return contextId;
  const isTreeDurable = !wrapper.isTransient && wrapper.isDependencyTreeDurable();
  return contextId.getParent({ token: wrapper.token, isTreeDurable });
}

interface Globals {
  readonly singletons: readonly object[];
  readonly scoped: readonly InstanceWrapper[];
}

function globals(config: ApplicationConfig, kind: EnhancerKind): Globals {
  switch (kind) {
    case 'guards':
      return { singletons: config.getGlobalGuards(), scoped: config.getGlobalRequestGuards() };
    case 'interceptors':
      return { singletons: config.getGlobalInterceptors(), scoped: config.getGlobalRequestInterceptors() };
    case 'pipes':
      return { singletons: config.getGlobalPipes(), scoped: config.getGlobalRequestPipes() };
    case 'filters':
      return { singletons: config.getGlobalFilters(), scoped: config.getGlobalRequestFilters() };
  }
}
