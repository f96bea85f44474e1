import type { Pattern } from '../clause/pattern.js';
import type { DeclaredScope } from './declared-scope.js';
import { methodNames } from './nest-metadata.js';
import type { Type, VersionValue } from './nest-types.js';
import type { MessageEnhancer } from './message-enhancers.js';
import type { WebSockOptions } from '../websock/options.js';
import { CALLBACKS, type CallbackName } from '../websock/websock.js';

// Fixed strings, never symbols: the package is loaded twice where ESM and CommonJS meet.
const HANDLER = 'websock:handler';
const CALLBACK = 'websock:on';

/** What `@WebSockHandler` says about a class. */
export interface HandlerMetadata {
  /** Empty: the handler is reached through `upgrade()` only. */
  readonly paths: readonly string[];
  readonly version: VersionValue | undefined;
  readonly host: string | RegExp | (string | RegExp)[] | undefined;
  readonly scope: DeclaredScope;
  readonly messageEnhancers: readonly MessageEnhancer[] | undefined;
  readonly options: WebSockOptions;
}

/** What an `@On…` decorator marks a method as. */
export type Mark = CallbackName | 'upgrade' | 'socket';

/** The decorators, as messages name them. */
export const DECORATORS: Readonly<Record<Mark, string>> = {
  upgrade: '@OnUpgrade',
  socket: '@OnSocket',
  init: '@OnInit',
  handleIn: '@OnIn',
  handleControl: '@OnControl',
  handleInfo: '@OnInfo',
  terminate: '@OnTerminate',
};

export const MARKS: readonly Mark[] = ['upgrade', 'socket', ...CALLBACKS];

export function setHandlerMetadata(target: object, metadata: HandlerMetadata): void {
  Reflect.defineMetadata(HANDLER, metadata, target);
}

export function handlerMetadataOf(target: unknown): HandlerMetadata | undefined {
  return typeof target === 'function'
    ? (Reflect.getMetadata(HANDLER, target) as HandlerMetadata | undefined)
    : undefined;
}

/** One `@On…` decorator on a method. */
export interface MethodMark {
  readonly mark: Mark;
  /** Which messages the method takes; undefined: all. */
  readonly pattern: Pattern | undefined;
}

/** A method with one of its marks. */
export interface MarkedMethod extends MethodMark {
  readonly method: string;
}

/**
 * Marks by name, not on the function: another decorator may wrap that, a subclass override it. Decorators of an overriding
 * method take the place of those that it overrides.
 */
export function markMethod(
  prototype: object,
  method: string | symbol,
  mark: Mark,
  pattern?: Pattern | undefined,
): void {
  const marks = Reflect.getOwnMetadata(CALLBACK, prototype, method) as MethodMark[] | undefined;
  Reflect.defineMetadata(CALLBACK, [...(marks ?? []), { mark, pattern }], prototype, method);
}

/** Does this class itself, not one above, mark the method? */
export function isMarked(prototype: object, method: string): boolean {
  return Reflect.hasOwnMetadata(CALLBACK, prototype, method);
}

/** The methods of a class that carry an `@On…` decorator, in order of declaration, inherited ones behind its own. */
export function markedMethods({ prototype }: Type): MarkedMethod[] {
  return methodNames(prototype).flatMap((method) => {
    const marks = Reflect.getMetadata(CALLBACK, prototype, method) as MethodMark[] | undefined;
    return (marks ?? []).map((mark) => ({ ...mark, method }));
  });
}
