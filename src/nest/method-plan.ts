import type { CanActivate, NestInterceptor } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import type { LiveConnection } from '../connection/live-connection.js';
import type { Connection } from '../websock/connection.js';
import { ConfigError } from '../websock/errors.js';
import { CallbackContext, type CallbackTarget } from './callback-context.js';
import { parametersOf, type CallbackParameter } from './callback-parameters.js';
import { checkNotOver, type Caller } from './clause-dispatch.js';
import { callEnhanced, type EnhancedMethod } from './enhanced-call.js';
import type { Enhancer, Enhancers } from './enhancers.js';
import { handlerFunction } from './handler-function.js';
import type { HandlerMethod } from './handler-methods.js';
import type { MessageEnhancer } from './message-enhancers.js';
import { ENHANCERS, readMetadata, routeArguments } from './nest-metadata.js';
import type { Type } from './nest-types.js';

/** What a method is called through, before anything of it has an instance. */
export interface MethodPlan {
  readonly method: HandlerMethod;
  readonly target: CallbackTarget;
  readonly guards: readonly Enhancer<CanActivate>[];
  readonly interceptors: readonly Enhancer<NestInterceptor>[];
  /** undefined: it gets the arguments of its callback. */
  readonly parameters: readonly CallbackParameter[] | undefined;
}

/**
 * Finds what a method is called through.
 *
 * @param instance has the method, be it that its class has not: a mock need not have a class
 * @param messageEnhancers which kinds of the class and the app belong to it
 * @throws ConfigError `WEBSOCK_PARAMETER`
 */
export function planMethod(
  method: HandlerMethod,
  handlerClass: Type,
  instance: object,
  enhancers: Enhancers,
  messageEnhancers: readonly MessageEnhancer[],
): MethodPlan {
  const running = <T>(kind: MessageEnhancer): Enhancer<T>[] => {
    const own = enhancers.ofMethod<T>(kind, method);
    if (!messageEnhancers.includes(kind)) return own;
    return [...enhancers.ofApp<T>(kind), ...enhancers.ofClass<T>(kind), ...own];
  };
  const handler = handlerFunction(method) ?? (instance as Target)[method.name]!;
  return {
    method,
    target: { handlerClass, handler, pattern: method.pattern ?? method.serves },
    guards: running('guards'),
    interceptors: running('interceptors'),
    parameters: parametersOf(method, enhancers),
  };
}

/** Nothing runs around it: it is called directly. Filters cost nothing until something fails. */
export function isBare({ guards, interceptors, parameters }: MethodPlan): boolean {
  return guards.length === 0 && interceptors.length === 0 && parameters === undefined;
}

/**
 * Calls the method of an instance, with the enhancers of a sub-tree of providers.
 *
 * @param direct calls it as its callback
 */
export function bindPlan(plan: MethodPlan, instance: object, direct: Caller, contextId: ContextId): Caller {
  const { target, method } = plan;
  const enhanced = instantiate(plan, instance as Target, direct, contextId);
  if (method.serves === 'init') {
    return (argument: unknown, connection: Connection) =>
      callEnhanced(enhanced, new CallbackContext(target, connection, argument, undefined));
  }
  return (message: unknown, state: unknown, connection: Connection) =>
    callEnhanced(enhanced, new CallbackContext(target, connection, message, state));
}

type Target = Readonly<Record<string, (...args: unknown[]) => unknown>>;

function instantiate(
  { method: { name, serves }, guards, interceptors, parameters }: MethodPlan,
  instance: Target,
  direct: Caller,
  contextId: ContextId,
): EnhancedMethod {
  return {
    guards: guards.map((guard) => guard(contextId)),
    interceptors: interceptors.map((interceptor) => interceptor(contextId)),
    parameters: parameters?.map(({ read, pipes, metadata }) => {
      return { read, pipes: pipes.map((pipe) => pipe(contextId)), metadata };
    }),
    call({ message, state, connection }, values) {
      checkNotOver(connection as LiveConnection);
      if (values !== undefined) return instance[name]!(...values);
      return serves === 'init' ? direct(message, connection) : direct(message, state, connection);
    },
  };
}

/**
 * The end of a connection is not to be refused, and has no result.
 *
 * @throws ConfigError `WEBSOCK_ENHANCER_ON_TERMINATE`
 */
export function checkTerminate(method: HandlerMethod): void {
  const { owner, name } = method;
  const handler = handlerFunction(method);
  const isEnhanced =
    handler !== undefined && ENHANCERS.some((key) => readMetadata(key, handler) !== undefined);
  if (!isEnhanced && Object.keys(routeArguments(owner, name)).length === 0) return;
  throw new ConfigError(
    'WEBSOCK_ENHANCER_ON_TERMINATE',
    `${owner.name}.${name}() is @OnTerminate(), which runs at every end and has no result: remove its guards, interceptors, ` +
      'pipes, filters and parameter decorators',
  );
}
