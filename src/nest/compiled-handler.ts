import { checkClauses } from '../clause/clauses.js';
import type { Handler } from '../connection/handler.js';
import { ConfigError } from '../websock/errors.js';
import { CALLBACKS, type CallbackName, type WebSock } from '../websock/websock.js';
import { dispatchInfo, dispatchMessages, type Caller, type CallableClause } from './clause-dispatch.js';
import {
  findMethods,
  findUpgradeMethod,
  type HandlerMethod,
  type HandlerMethods,
} from './handler-methods.js';
import type { Type } from './nest-types.js';
import { checkSocketMethod, hostedBy } from './socket-method.js';

type AnyMethod = (...args: unknown[]) => unknown;
type Target = Readonly<Record<string, AnyMethod>>;

/** A handler class and the instance that serves it, ready to run. */
export interface CompiledHandler extends Handler {
  /** Calls the method with `@OnUpgrade`; undefined where the instance has none. */
  readonly onUpgrade: AnyMethod | undefined;
  /** Where `@OnUpgrade` stands, with its other decorators. */
  readonly upgradeMethod: HandlerMethod | undefined;
  readonly methodsOf: HandlerMethods;
}

/** What Nest adds to the methods of a handler. */
export interface Enhancements {
  /** Calls a method through its guards, pipes and interceptors; undefined where it has none: it is called directly. */
  callerOf(method: HandlerMethod, direct: Caller): Caller | undefined;
  /** Filters, and the answer to an invalid message. */
  readonly recover: Handler['recover'];
}

/**
 * Makes the callbacks of a handler.
 *
 * @throws ConfigError `WEBSOCK_DUPLICATE_CALLBACK`, `WEBSOCK_NO_CALLBACK`, those of its clauses and of `@OnSocket`
 */
export function compileHandler(
  handlerClass: Type,
  instance: object,
  enhancements?: Enhancements,
): CompiledHandler {
  const methodsOf = findMethods(handlerClass, instance);
  const target = instance as Target;
  return {
    name: handlerClass.name,
    ...compileMethods(handlerClass, target, methodsOf, enhancements),
    onUpgrade: bindUpgrade(target, methodsOf.upgrade[0]),
    upgradeMethod: findUpgradeMethod(handlerClass, instance),
    methodsOf,
  };
}

type Compiled = Pick<Handler, 'websock' | 'methods' | 'recover'>;

function compileMethods(
  handlerClass: Type,
  target: Target,
  methodsOf: HandlerMethods,
  enhancements: Enhancements | undefined,
): Compiled {
  const [socketMethod] = methodsOf.socket;
  if (socketMethod !== undefined) return compileSocket(handlerClass, target, socketMethod, methodsOf);
  if (CALLBACKS.every((callback) => methodsOf[callback].length === 0))
    throw noCallback(handlerClass, methodsOf);
  return {
    websock: compileCallbacks(handlerClass, target, methodsOf, enhancements),
    methods: nameSingles(methodsOf),
    recover: enhancements?.recover,
  };
}

/** No filter makes a result of what a listener throws: the protocol is the library's. */
function compileSocket(
  { name }: Type,
  target: Target,
  method: HandlerMethod,
  methodsOf: HandlerMethods,
): Compiled {
  checkSocketMethod(name, method, methodsOf);
  const methods = Object.fromEntries(CALLBACKS.map((callback) => [callback, method.name]));
  return { websock: hostedBy(target, method), methods, recover: undefined };
}

function compileCallbacks(
  { name }: Type,
  target: Target,
  methodsOf: HandlerMethods,
  enhancements: Enhancements | undefined,
): WebSock {
  const call = (method: HandlerMethod): Caller => {
    const direct = bind(target, method.name, method.serves as CallbackName);
    return enhancements?.callerOf(method, direct) ?? direct;
  };
  const single = (callback: CallbackName) => methodsOf[callback].map(call)[0];
  const clauses = (callback: 'handleIn' | 'handleInfo') => {
    const callable = methodsOf[callback].map((method): CallableClause => {
      return { method: method.name, pattern: method.pattern, call: call(method) };
    });
    checkClauses(callback, callable, name);
    return callable;
  };
  const websock = {
    init: single('init'),
    handleIn: dispatchMessages(clauses('handleIn'), name),
    handleControl: single('handleControl'),
    handleInfo: dispatchInfo(clauses('handleInfo'), name),
    terminate: single('terminate'),
  };
  return websock as WebSock;
}

/** Where several methods serve a callback the one that runs is named at run time. */
function nameSingles(methodsOf: HandlerMethods): Handler['methods'] {
  const singles = CALLBACKS.filter((callback) => methodsOf[callback].length === 1);
  return Object.fromEntries(singles.map((callback) => [callback, methodsOf[callback][0]!.name]));
}

/**
 * Looks the method up at each call, so that a spy put on the instance later is seen. No rest parameters: this is on the
 * path of every message.
 */
function bind(target: Target, name: string, callback: CallbackName): Caller {
  switch (callback) {
    case 'init':
      return (argument, connection) => target[name]!(argument, connection);
    case 'terminate':
      return (reason, state, facts, connection) => target[name]!(reason, state, facts, connection);
    default:
      return (message, state, connection) => target[name]!(message, state, connection);
  }
}

function bindUpgrade(target: Target, method: HandlerMethod | undefined): AnyMethod | undefined {
  return method === undefined ? undefined : (...args) => target[method.name]!(...args);
}

function noCallback({ name }: Type, { upgrade: [upgrade] }: HandlerMethods): ConfigError {
  const hint =
    upgrade === undefined ? '' : `; beside @OnUpgrade() ${upgrade.name}, plainly named methods are none`;
  return new ConfigError(
    'WEBSOCK_NO_CALLBACK',
    `@WebSockHandler ${name} has no callback${hint}. Give it a method with @OnInit(), @OnIn(), @OnControl(), @OnInfo() or ` +
      '@OnTerminate(), one with @OnSocket(), or those of the WebSock interface: init, handleIn, handleControl, handleInfo, terminate',
  );
}
