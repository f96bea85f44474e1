import type { ApplicationConfig, ContextId } from '@nestjs/core';
import { STATIC_CONTEXT } from '@nestjs/core/injector/constants.js';
import type { Failure } from '../connection/handler.js';
import type { LiveConnection } from '../connection/live-connection.js';
import type { Caller } from './clause-dispatch.js';
import type { Enhancements } from './compiled-handler.js';
import { Enhancers } from './enhancers.js';
import { FailureRecovery } from './failure-recovery.js';
import { markedMethods } from './handler-metadata.js';
import type { HandlerMethod } from './handler-methods.js';
import { checkMessageEnhancers, type MessageEnhancer } from './message-enhancers.js';
import { bindPlan, checkTerminate, isBare, planMethod, type MethodPlan } from './method-plan.js';
import { routeArguments } from './nest-metadata.js';
import type { Type } from './nest-types.js';
import type { FoundHandler } from './websock.explorer.js';

/** What the app says about the enhancers of all its handlers. */
export interface EnhancementSetting {
  readonly config: ApplicationConfig;
  readonly messageEnhancers: readonly MessageEnhancer[];
}

/**
 * What Nest adds to the methods of a handler: their own enhancers and parameter decorators, and of those of the class and the app
 * what applies to messages. Found once, when the first instance is bound, and bound to each.
 */
export class HandlerEnhancements {
  readonly #handlerClass: Type;
  readonly #messageEnhancers: readonly MessageEnhancer[];
  readonly #enhancers: Enhancers;
  readonly #recovery: FailureRecovery;
  readonly #plans: MethodPlan[] = [];

  /** @throws ConfigError `WEBSOCK_OPTION_INVALID` */
  constructor(found: FoundHandler, { config, messageEnhancers }: EnhancementSetting) {
    const { handlerClass, metadata, wrapper } = found;
    checkMessageEnhancers(metadata, `@WebSockHandler ${handlerClass.name}`);
    this.#handlerClass = handlerClass;
    this.#messageEnhancers = metadata.messageEnhancers ?? messageEnhancers;
    this.#enhancers = new Enhancers(found, config);
    this.#recovery = new FailureRecovery(handlerClass, this.#enhancers);
    for (const kind of this.#messageEnhancers) this.#enhancers.takeScopeOfApp(kind);
    if (hasDecoratedParameters(handlerClass)) this.#enhancers.takeScopeOfApp('pipes');
    // Filters alone are no reason for instances of their own.
    if (!wrapper.isDependencyTreeStatic()) this.#enhancers.takeScopeOfApp('filters');
  }

  /** For an instance of the handler, and the sub-tree of providers that it is of; without one, for a singleton. */
  bind(instance: object, contextId: ContextId = STATIC_CONTEXT): Enhancements {
    return {
      callerOf: (method, direct) => this.#callerOf(method, instance, direct, contextId),
      recover: (failure, connection) => this.#recover(failure, connection as LiveConnection, contextId),
    };
  }

  /** @throws ConfigError `WEBSOCK_PARAMETER`, `WEBSOCK_ENHANCER_ON_TERMINATE` */
  #callerOf(
    method: HandlerMethod,
    instance: object,
    direct: Caller,
    contextId: ContextId,
  ): Caller | undefined {
    if (method.serves === 'terminate') {
      checkTerminate(method);
      return undefined;
    }
    const plan = this.#planOf(method, instance);
    return isBare(plan) ? undefined : bindPlan(plan, instance, direct, contextId);
  }

  #planOf(method: HandlerMethod, instance: object): MethodPlan {
    let plan = this.#plans.find((known) => isSame(known.method, method));
    if (plan === undefined) {
      plan = planMethod(method, this.#handlerClass, instance, this.#enhancers, this.#messageEnhancers);
      this.#plans.push(plan);
    }
    return plan;
  }

  #recover(failure: Failure, connection: LiveConnection, contextId: ContextId): unknown {
    return this.#recovery.recover(failure, connection, this.#failed(failure, connection), contextId);
  }

  /** Of several methods, or one with a pattern, there is one that failed only where it took the message. */
  #failed({ callback }: Failure, connection: LiveConnection): MethodPlan | undefined {
    const { handler, runningMethod, runningPattern } = connection;
    const [name, taken] =
      runningMethod === undefined ? [handler.methods[callback], undefined] : [runningMethod, runningPattern];
    return this.#plans.find(
      ({ method: { serves, name: known, pattern } }) =>
        serves === callback && known === name && pattern === taken,
    );
  }
}

/** Of its callbacks: those of `@OnUpgrade` belong to the route. */
function hasDecoratedParameters(handlerClass: Type): boolean {
  return markedMethods(handlerClass).some(
    ({ mark, method }) => mark !== 'upgrade' && Object.keys(routeArguments(handlerClass, method)).length > 0,
  );
}

function isSame(one: HandlerMethod, other: HandlerMethod): boolean {
  return one.serves === other.serves && one.name === other.name && one.pattern === other.pattern;
}
