import type { Handler } from '../connection/handler.js';
import { ConfigError } from '../websock/errors.js';
import { CALLBACKS, type CallbackName, type WebSock } from '../websock/websock.js';
import { DECORATORS, markedMethods, MARKS, type Mark } from './handler-metadata.js';
import type { Type } from './nest-types.js';

type Methods = Readonly<Partial<Record<Mark, string>>>;
type AnyMethod = (...args: unknown[]) => unknown;
type Target = Readonly<Record<string, AnyMethod>>;

/** How many arguments a callback gets. */
const ARITIES: Readonly<Record<CallbackName, number>> = {
  init: 2,
  handleIn: 3,
  handleControl: 3,
  handleInfo: 3,
  terminate: 4,
};

/** A handler class and the instance that serves it, ready to run. */
export interface CompiledHandler extends Handler {
  /** Calls the method with `@OnUpgrade`; undefined where the instance has none. */
  readonly onUpgrade: AnyMethod | undefined;
  /** Where `@OnUpgrade` stands, with its other decorators. */
  readonly upgradeMethod: UpgradeMethod | undefined;
}

/** A method with `@OnUpgrade`, and the class whose metadata describes it. */
export interface UpgradeMethod {
  readonly owner: Type;
  readonly name: string;
}

/**
 * Finds the callbacks. The instance may be of another class, or of none: `overrideProvider()` puts anything in its place. The
 * methods that its own class decorates come first, then those that the handler class decorates, then the plain names.
 *
 * @throws ConfigError `WEBSOCK_DUPLICATE_CALLBACK`, `WEBSOCK_NO_CALLBACK`
 */
export function compileHandler(handlerClass: Type, instance: object): CompiledHandler {
  const ofHandler = decoratedMethods(handlerClass);
  const ofInstance = decoratedMethods(classOf(instance));
  const methods = resolveMethods(instance, ofInstance, ofHandler);
  if (CALLBACKS.every((name) => methods[name] === undefined)) throw noCallback(handlerClass, methods);
  const target = instance as Target;
  const websock: Partial<Record<CallbackName, AnyMethod>> = {};
  for (const name of CALLBACKS) websock[name] = bind(target, methods[name], ARITIES[name]);
  const { upgrade } = methods;
  const onUpgrade = upgrade === undefined ? undefined : (...args: unknown[]) => target[upgrade]!(...args);
  const owner = ofInstance.upgrade === undefined ? handlerClass : classOf(instance);
  const described = ofInstance.upgrade ?? ofHandler.upgrade;
  const upgradeMethod = described === undefined ? undefined : { owner, name: described };
  return { name: handlerClass.name, websock: websock as WebSock, methods, onUpgrade, upgradeMethod };
}

/**
 * The methods that a class decorates, by what they are for.
 *
 * @throws ConfigError `WEBSOCK_DUPLICATE_CALLBACK`
 */
function decoratedMethods(handlerClass: Type): Methods {
  const methods: Partial<Record<Mark, string>> = {};
  for (const [method, marks] of markedMethods(handlerClass)) {
    for (const mark of marks) {
      const other = methods[mark];
      if (other !== undefined && other !== method) {
        throw new ConfigError(
          'WEBSOCK_DUPLICATE_CALLBACK',
          `${handlerClass.name}: ${other}() and ${method}() both have ${DECORATORS[mark]}(); keep one of them`,
        );
      }
      methods[mark] = method;
    }
  }
  return methods;
}

function resolveMethods(instance: object, ofInstance: Methods, ofHandler: Methods): Methods {
  const arePlainNamesMeant = Object.keys(ofInstance).length === 0;
  const methods: Partial<Record<Mark, string>> = {};
  for (const mark of MARKS) {
    const plain = mark !== 'upgrade' && arePlainNamesMeant ? mark : undefined;
    const method = [ofInstance[mark], ofHandler[mark], plain].find((name) => isMethod(instance, name));
    if (method !== undefined) methods[mark] = method;
  }
  return methods;
}

function classOf(instance: object): Type {
  const { constructor } = instance as { constructor?: unknown };
  return typeof constructor === 'function' ? (constructor as Type) : Object;
}

function isMethod(instance: object, name: string | undefined): boolean {
  return name !== undefined && typeof (instance as Target)[name] === 'function';
}

/**
 * Looks the method up at each call, so that a spy put on the instance later is seen. No rest parameters: this is on the
 * path of every message.
 */
function bind(target: Target, name: string | undefined, arity: number): AnyMethod | undefined {
  if (name === undefined) return undefined;
  if (arity === 2) return (argument, connection) => target[name]!(argument, connection);
  if (arity === 3) return (message, state, connection) => target[name]!(message, state, connection);
  return (reason, state, facts, connection) => target[name]!(reason, state, facts, connection);
}

function noCallback({ name }: Type, { upgrade }: Methods): ConfigError {
  const hint =
    upgrade === undefined ? '' : `; beside @OnUpgrade() ${upgrade}, plainly named methods are none`;
  return new ConfigError(
    'WEBSOCK_NO_CALLBACK',
    `@WebSockHandler ${name} has no callback${hint}. Give it a method with @OnInit(), @OnIn(), @OnControl(), @OnInfo() or ` +
      '@OnTerminate(), or those of the WebSock interface: init, handleIn, handleControl, handleInfo, terminate',
  );
}
