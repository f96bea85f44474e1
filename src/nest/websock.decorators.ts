import { Injectable, type ControllerOptions } from '@nestjs/common';
import type { WebSockOptions } from '../websock/options.js';
import type { Awaitable, HandleResult } from '../websock/result.js';
import { markMethod, setHandlerMetadata, type Mark } from './handler-metadata.js';

/** Options of one handler: where it is served, as a controller is, and the options of its connections. */
export interface WebSockHandlerOptions extends WebSockOptions, Pick<ControllerOptions, 'version' | 'host'> {}

/** The same, with the path. */
export interface WebSockHandlerRoute extends WebSockHandlerOptions {
  /** One path or several, as `@Controller()` takes them. Without one the handler serves `upgrade()` only. */
  path?: string | readonly string[];
}

/** Decorates a method that returns `HandleResult`, or a promise of it. Any other return type does not compile. */
export type CallbackDecorator = <M extends (...args: any[]) => Awaitable<HandleResult<any>>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/** Nest's mark of an injectable class. */
const INJECTABLE = '__injectable__';

/**
 * Declares a class that handles WebSocket connections, and makes it injectable. List it in the `providers` of a module.
 *
 * The path is a path of the app like a controller's: global prefix, `RouterModule`, versioning and hosts apply, and so do
 * the guards, pipes, interceptors and filters of the class. They run on the upgrade request, before any 101.
 *
 * The callbacks are the methods with an `@On…` decorator; without any, those of the `WebSock` interface by their names.
 *
 * @throws ConfigError at boot, for options or callbacks that are no good, and for a path that something else serves
 */
export function WebSockHandler(
  path: string | readonly string[],
  options?: WebSockHandlerOptions,
): ClassDecorator;
export function WebSockHandler(route?: WebSockHandlerRoute): ClassDecorator;
export function WebSockHandler(
  where: string | readonly string[] | WebSockHandlerRoute = {},
  rest: WebSockHandlerOptions = {},
): ClassDecorator {
  const route = isPath(where) ? { ...rest, path: where } : where;
  const { path = [], version, host, ...options } = route;
  const paths = typeof path === 'string' ? [path] : path;
  return (target) => {
    // A scope that @Injectable() has set stays.
    if (!Reflect.hasMetadata(INJECTABLE, target)) Injectable()(target);
    setHandlerMetadata(target, { paths, version, host, options });
  };
}

/**
 * Decides the upgrade, as an ordinary controller method: `@Param()`, `@Req()`, pipes, guards, custom decorators. What it
 * returns is for `init`; throw to refuse. It runs once the opening handshake, origin and subprotocols are in order.
 * Without it every upgrade that passes the guards is accepted, and `init` gets the request's facts.
 */
export function OnUpgrade(): MethodDecorator {
  return marks('upgrade');
}

/**
 * Per connection; not `OnModuleInit`. Runs once, after the 101 is on the wire, with what `@OnUpgrade` returned and the
 * connection; nothing else runs until its result is applied. Without it that value is the state.
 *
 * A throw, a bad result or taking longer than `upgradeTimeout` closes with 1011, without `@OnTerminate`.
 */
export function OnInit(): CallbackDecorator {
  return marks('init');
}

/**
 * Runs for each whole message from the client, text already checked as UTF-8 (RFC 6455 §8.1), with the message, the
 * state and the connection. A throw or a bad result closes with 1011.
 */
export function OnIn(): CallbackDecorator {
  return marks('handleIn');
}

/** Runs for a ping or a pong, with the message, the state and the connection. A ping has already been answered. */
export function OnControl(): CallbackDecorator {
  return marks('handleControl');
}

/** Runs for a message from elsewhere in the app (`sendInfo`, `call`), with the message, the state and the connection. */
export function OnInfo(): CallbackDecorator {
  return marks('handleInfo');
}

/**
 * Runs last, at most once, before the close frame is sent, with the close reason, the state, `{ code, reason, initiator }`
 * and the connection. Its result is ignored. Providers are still alive at shutdown.
 */
export function OnTerminate(): MethodDecorator {
  return marks('terminate');
}

function marks(mark: Mark): (target: object, method: string | symbol) => void {
  return (target, method) => markMethod(target, method, mark);
}

function isPath(where: unknown): where is string | readonly string[] {
  return typeof where === 'string' || Array.isArray(where);
}
