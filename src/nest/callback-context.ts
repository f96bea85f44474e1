import type { ExecutionContext } from '@nestjs/common';
import type { Connection } from '../websock/connection.js';
import type { Type } from './nest-types.js';

/** The method that a callback comes to, as enhancers see it. */
export interface CallbackTarget {
  readonly handlerClass: Type;
  /** The function that carries the method's metadata; undefined where no clause takes the message. */
  readonly handler: object | undefined;
  /** Which messages the method takes: an opcode, a schema or a class; without one the name of the callback. */
  readonly pattern: unknown;
}

/**
 * What guards, interceptors, filters and parameter decorators are told about a callback. Its arguments are `[connection,
 * message, state, pattern]`, whichever callback it is and in whatever order its method gets them; `message` is the argument of
 * `init` as well.
 */
export class CallbackContext implements ExecutionContext {
  #payload: { readonly value: unknown } | undefined;

  constructor(
    readonly target: CallbackTarget,
    readonly connection: Connection,
    readonly message: unknown,
    readonly state: unknown,
  ) {}

  /** What `@MessageBody()` stands for; made once, however many parameters ask. */
  payload(make: (context: this) => unknown): unknown {
    this.#payload ??= { value: make(this) };
    return this.#payload.value;
  }

  getClass<T>(): Type<T> {
    return this.target.handlerClass;
  }

  getHandler(): (...args: unknown[]) => unknown {
    return this.target.handler as (...args: unknown[]) => unknown;
  }

  getType<T extends string>(): T {
    return 'ws' as T;
  }

  getArgs<T extends any[]>(): T {
    return [this.connection, this.message, this.state, this.target.pattern] as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.getArgs()[index] as T;
  }

  switchToWs() {
    return {
      getClient: <T>() => this.connection as T,
      getData: <T>() => this.message as T,
      getPattern: () => this.target.pattern as string,
    };
  }

  /** Of HTTP there is what is kept of the upgrade request. There is no response any more. */
  switchToHttp() {
    return {
      getRequest: <T>() => this.connection.request as T,
      getResponse: <T>() => undefined as T,
      getNext: <T>() => undefined as T,
    };
  }

  switchToRpc() {
    return {
      getData: <T>() => this.message as T,
      getContext: <T>() => this.connection as T,
    };
  }
}
