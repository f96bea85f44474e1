import { methodNames } from './nest-metadata.js';
import type { Type, VersionValue } from './nest-types.js';
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
  readonly options: WebSockOptions;
}

/** What an `@On…` decorator marks a method as. */
export type Mark = CallbackName | 'upgrade';

/** The decorators, as messages name them. */
export const DECORATORS: Readonly<Record<Mark, string>> = {
  upgrade: '@OnUpgrade',
  init: '@OnInit',
  handleIn: '@OnIn',
  handleControl: '@OnControl',
  handleInfo: '@OnInfo',
  terminate: '@OnTerminate',
};

export const MARKS: readonly Mark[] = ['upgrade', ...CALLBACKS];

export function setHandlerMetadata(target: object, metadata: HandlerMetadata): void {
  Reflect.defineMetadata(HANDLER, metadata, target);
}

export function handlerMetadataOf(target: unknown): HandlerMetadata | undefined {
  return typeof target === 'function'
    ? (Reflect.getMetadata(HANDLER, target) as HandlerMetadata | undefined)
    : undefined;
}

/** Marks by name, not on the function: another decorator may wrap that, a subclass override it. */
export function markMethod(prototype: object, method: string | symbol, mark: Mark): void {
  const marks = Reflect.getMetadata(CALLBACK, prototype, method) as Mark[] | undefined;
  Reflect.defineMetadata(CALLBACK, [...(marks ?? []), mark], prototype, method);
}

/** The methods of a class that carry an `@On…` decorator, inherited ones included, with their marks. */
export function markedMethods({ prototype }: Type): Map<string, readonly Mark[]> {
  const marked = new Map<string, readonly Mark[]>();
  for (const method of methodNames(prototype)) {
    const marks = Reflect.getMetadata(CALLBACK, prototype, method) as Mark[] | undefined;
    if (marks !== undefined) marked.set(method, marks);
  }
  return marked;
}
