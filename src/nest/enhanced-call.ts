import { AsyncResource } from 'node:async_hooks';
import {
  ForbiddenException,
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { concatAll, defer, from, lastValueFrom, of, type Observable } from 'rxjs';
import { isPromiseLike } from '../connection/promise-like.js';
import type { CallbackContext } from './callback-context.js';
import { andThen, inTurn, settle } from './in-turn.js';

/** A parameter, with the pipes that run on it. */
export interface PipedParameter {
  read(context: CallbackContext): unknown;
  readonly pipes: readonly PipeTransform[];
  readonly metadata: ArgumentMetadata;
}

/** What a method is called through. */
export interface EnhancedMethod {
  readonly guards: readonly CanActivate[];
  readonly interceptors: readonly NestInterceptor[];
  /** undefined: the method gets the arguments of its callback. */
  readonly parameters: readonly PipedParameter[] | undefined;
  /** Calls the method itself: with the values of its parameters, or else as its callback. */
  call(context: CallbackContext, values: readonly unknown[] | undefined): unknown;
}

/**
 * Calls a method as Nest calls that of a controller: guards, interceptors, pipes, the method. There is a promise only where
 * one of them has one, and always behind an interceptor.
 *
 * @throws ForbiddenException, or rejects with it, where a guard says no; and what any of them throws
 */
export function callEnhanced(method: EnhancedMethod, context: CallbackContext): unknown {
  return andThen(passGuards(method.guards, context), () =>
    method.interceptors.length === 0 ? callPiped(method, context) : intercept(method, context),
  );
}

function passGuards(guards: readonly CanActivate[], context: CallbackContext): unknown {
  return inTurn<unknown, CanActivate>(guards, undefined, (_, guard) =>
    andThen(settle(guard.canActivate(context)), (isAllowed) => {
      if (!isAllowed) throw new ForbiddenException('Forbidden resource');
    }),
  );
}

function intercept(method: EnhancedMethod, context: CallbackContext): Promise<unknown> {
  // The last value is the result; without any there is none, which is a ResultError.
  return lastValueFrom(
    defer(() => interceptFrom(0, method, context)),
    { defaultValue: undefined },
  );
}

function interceptFrom(index: number, method: EnhancedMethod, context: CallbackContext): Observable<unknown> {
  const interceptor = method.interceptors[index];
  if (interceptor === undefined) {
    const result = callPiped(method, context);
    // A result is a list: `from` would take it apart.
    return isPromiseLike(result) ? from(result) : of(result);
  }
  const answer = interceptor.intercept(
    context,
    handOn(() => interceptFrom(index + 1, method, context)),
  );
  return isPromiseLike(answer) ? from(answer as Promise<Observable<unknown>>).pipe(concatAll()) : answer;
}

/** Goes on where the interceptor called `handle()`, not where somebody subscribes: what it runs that in stays current. */
function handOn(next: () => Observable<unknown>): CallHandler {
  return {
    handle: () => {
      const resource = new AsyncResource('WebSockInterceptor');
      return defer(() => resource.runInAsyncScope(next));
    },
  };
}

function callPiped(method: EnhancedMethod, context: CallbackContext): unknown {
  const { parameters } = method;
  if (parameters === undefined) return method.call(context, undefined);
  return andThen(readAll(parameters, context), (values) => method.call(context, values));
}

function readAll(
  parameters: readonly PipedParameter[],
  context: CallbackContext,
): unknown[] | Promise<unknown[]> {
  return inTurn<unknown[], PipedParameter>(parameters, [], (values, { read, pipes, metadata }) =>
    andThen(pipe(read(context), pipes, metadata), (value) => {
      values.push(value);
      return values;
    }),
  );
}

function pipe(value: unknown, pipes: readonly PipeTransform[], metadata: ArgumentMetadata): unknown {
  // A decorator made by createParamDecorator may have a promise for the first of them.
  return andThen(value, (come) =>
    inTurn<unknown, PipeTransform>(pipes, come, (piped, step) => step.transform(piped, metadata)),
  );
}
