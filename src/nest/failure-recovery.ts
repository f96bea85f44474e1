import type { ExceptionFilter } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import type { Failure } from '../connection/handler.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { isPromiseLike, isStream } from '../connection/promise-like.js';
import { reportFilterError } from '../connection/reports.js';
import { CallbackContext, type CallbackTarget } from './callback-context.js';
import type { Enhancers } from './enhancers.js';
import type { HandlerMethod } from './handler-methods.js';
import { andThen, settle } from './in-turn.js';
import { answerInvalid } from './invalid-message.js';
import { CATCHES, readMetadata } from './nest-metadata.js';
import type { MethodPlan } from './method-plan.js';
import type { Type } from './nest-types.js';

/** Makes results of failures: the filters of the method, the class and the app, and behind them the answer to an invalid message. */
export class FailureRecovery {
  /** Whose filter has failed. */
  readonly #reported = new WeakSet<LiveConnection>();

  constructor(
    private readonly handlerClass: Type,
    private readonly enhancers: Enhancers,
  ) {}

  /**
   * A result, or a promise of one; undefined where the error stays an error. What a filter throws beside the error is
   * reported, and the error goes on as if there were no such filter; so it does where the filter returns something else: those
   * made for HTTP return what they please.
   *
   * @param failed the method that did; undefined where none takes the message
   */
  recover(
    failure: Failure,
    connection: LiveConnection,
    failed: Pick<MethodPlan, 'method' | 'target'> | undefined,
    contextId: ContextId,
  ): unknown {
    const filter = this.#filterFor(failure.error, failed?.method, contextId);
    if (filter === undefined) return answerInvalid(failure);
    const { handlerClass } = this;
    const target = failed?.target ?? { handlerClass, handler: undefined, pattern: failure.callback };
    return andThen(this.#ask(filter, failure, connection, target), (result) =>
      Array.isArray(result) || isStream(result) ? result : answerInvalid(failure),
    );
  }

  /** As in Nest: the nearest, of several the last; a filter that answers nothing hands on to none. */
  #filterFor(
    error: unknown,
    method: HandlerMethod | undefined,
    contextId: ContextId,
  ): ExceptionFilter | undefined {
    const attached = [
      ...this.enhancers.ofApp<ExceptionFilter>('filters'),
      ...this.enhancers.ofClass<ExceptionFilter>('filters'),
      ...(method === undefined ? [] : this.enhancers.ofMethod<ExceptionFilter>('filters', method)),
    ];
    const filters = attached.map((filter) => filter(contextId)).reverse();
    return filters.find((filter) => filter !== undefined && catches(filter, error));
  }

  #ask(
    filter: ExceptionFilter,
    { message, state, error }: Failure,
    connection: LiveConnection,
    target: CallbackTarget,
  ): unknown {
    const failed = (thrown: unknown) => {
      if (thrown !== error) this.#report(filter, connection, thrown);
    };
    try {
      const answer = settle(filter.catch(error, new CallbackContext(target, connection, message, state)));
      return isPromiseLike(answer) ? answer.then((result) => result, failed) : answer;
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** Once for a connection: a client that sends invalid messages must not fill the log. */
  #report(filter: ExceptionFilter, connection: LiveConnection, thrown: unknown): void {
    if (this.#reported.has(connection)) return;
    this.#reported.add(connection);
    reportFilterError(connection, `${filter.constructor.name}.catch`, thrown);
  }
}

/** `@Catch(…)`; without a type it catches everything. */
function catches(filter: ExceptionFilter, error: unknown): boolean {
  const types =
    readMetadata<Type[]>(CATCHES, Object.getPrototypeOf(filter) as object) ??
    readMetadata<Type[]>(CATCHES, filter.constructor) ??
    [];
  return types.length === 0 || types.some((type) => error instanceof type);
}
