import type { Pattern } from '../clause/pattern.js';
import { ConfigError } from '../websock/errors.js';
import { DECORATORS, markedMethods, MARKS, type Mark, type MarkedMethod } from './handler-metadata.js';
import type { Type } from './nest-types.js';
import type { CallbackName } from '../websock/websock.js';

/** A method of a handler that serves a callback, gets the socket, or decides the upgrade. */
export interface HandlerMethod {
  readonly serves: Mark;
  readonly name: string;
  /** The class whose metadata describes it: its other decorators, its parameters. */
  readonly owner: Type;
  /** Which messages it takes; undefined: all. */
  readonly pattern: Pattern | undefined;
}

/** What a class, and the instance that stands for it, serve; `handleIn` and `handleInfo` perhaps by several methods. */
export type HandlerMethods = Readonly<Record<Mark, readonly HandlerMethod[]>>;

/**
 * Finds the methods of a handler. The instance may be of another class, or of none: `overrideProvider()` puts anything in its
 * place. The methods that its own class decorates come first, then those that the handler class decorates, then the plain names.
 *
 * @throws ConfigError `WEBSOCK_DUPLICATE_CALLBACK`
 */
export function findMethods(handlerClass: Type, instance: object): HandlerMethods {
  const ownClass = classOf(instance);
  const ofInstance = decoratedMethods(ownClass);
  const ofHandler = decoratedMethods(handlerClass);
  const isServed = ofHandler.socket.some(({ name }) => isMethod(instance, name));
  const arePlainNamesMeant = !isServed && MARKS.every((mark) => ofInstance[mark].length === 0);
  const candidatesFor = (mark: Mark) => {
    const plain = { serves: mark, name: mark, owner: ownClass, pattern: undefined };
    return [ofInstance[mark], ofHandler[mark], arePlainNamesMeant && isCallback(mark) ? [plain] : []];
  };
  return eachMark((mark) => {
    const present = candidatesFor(mark).map((methods) =>
      methods.filter(({ name }) => isMethod(instance, name)),
    );
    return present.find((methods) => methods.length > 0) ?? [];
  });
}

/** The method with `@OnUpgrade`, be it that the instance has none: its guards and pipes belong to the route. */
export function findUpgradeMethod(handlerClass: Type, instance: object): HandlerMethod | undefined {
  return decoratedMethods(classOf(instance)).upgrade[0] ?? decoratedMethods(handlerClass).upgrade[0];
}

/** Read once: a handler with a scope is compiled for each connection. */
const decorated = new WeakMap<Type, HandlerMethods>();

/** The methods that a class decorates, by what they are for. */
function decoratedMethods(owner: Type): HandlerMethods {
  let methods = decorated.get(owner);
  if (methods === undefined) decorated.set(owner, (methods = readDecoratedMethods(owner)));
  return methods;
}

function readDecoratedMethods(owner: Type): HandlerMethods {
  const marked = markedMethods(owner);
  return eachMark((mark) => {
    const methods = marked.filter((method) => method.mark === mark);
    checkDuplicates(owner, methods);
    return methods.map(({ method, pattern }) => ({ serves: mark, name: method, owner, pattern }));
  });
}

/** Of methods that take all messages there is one. */
function checkDuplicates({ name }: Type, methods: readonly MarkedMethod[]): void {
  const [first, second] = methods.filter(({ pattern }) => pattern === undefined);
  if (second === undefined || first!.method === second.method) return;
  throw new ConfigError(
    'WEBSOCK_DUPLICATE_CALLBACK',
    `${name}: ${first!.method}() and ${second.method}() both have ${DECORATORS[second.mark]}(); keep one of them`,
  );
}

function eachMark(methodsFor: (mark: Mark) => readonly HandlerMethod[]): HandlerMethods {
  return Object.fromEntries(MARKS.map((mark) => [mark, methodsFor(mark)])) as unknown as HandlerMethods;
}

function isCallback(mark: Mark): mark is CallbackName {
  return mark !== 'upgrade' && mark !== 'socket';
}

function classOf(instance: object): Type {
  const { constructor } = instance as { constructor?: unknown };
  return typeof constructor === 'function' ? (constructor as Type) : Object;
}

function isMethod(instance: object, name: string): boolean {
  return typeof (instance as Record<string, unknown>)[name] === 'function';
}
