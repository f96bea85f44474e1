import type { ControllerOptions, InjectableOptions } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { setInfoName } from '../clause/info-class.js';
import type { InfoClass, Pattern } from '../clause/pattern.js';
import type { HostedRequest } from '../hosting/hosted-request.js';
import type { HostedSocket } from '../hosting/hosted-socket.js';
import { ConfigError } from '../websock/errors.js';
import type { BinaryMessage, TextMessage } from '../websock/message.js';
import type { WebSockOptions } from '../websock/options.js';
import type { CallbackReturn } from '../websock/result.js';
import { CALLBACKS } from '../websock/websock.js';
import { makeInjectable } from './declared-scope.js';
import { keepDecorators } from './handler-function.js';
import { DECORATORS, markedMethods, markMethod, setHandlerMetadata, type Mark } from './handler-metadata.js';
import type { MessageEnhancerOptions } from './message-enhancers.js';
import type { Type } from './nest-types.js';

/** Options of one handler: where it is served, as a controller is, its scope, and the options of its connections. */
export interface WebSockHandlerOptions
  extends WebSockOptions, MessageEnhancerOptions, Pick<ControllerOptions, 'version' | 'host'> {
  /**
   * `Scope.DEFAULT`: one instance serves all connections; `Scope.REQUEST` and `Scope.TRANSIENT`: each has its own. A scope that
   * `@Injectable()` gives the class goes first. Default: `Scope.DEFAULT`.
   */
  scope?: InjectableOptions['scope'];
  /** With `Scope.REQUEST`: connections that the app's `ContextIdStrategy` puts together share an instance. Default false. */
  durable?: boolean;
}

/** The same, with the path. */
export interface WebSockHandlerRoute extends WebSockHandlerOptions {
  /** One path or several, as `@Controller()` takes them. Without one the handler serves `upgrade()` only. */
  path?: string | readonly string[];
}

/**
 * Decorates a method that returns `HandleResult`, a promise of it, or is an async generator of it. Any other return type does
 * not compile.
 *
 * @typeParam M the method
 */
export type CallbackDecorator = <M extends (...args: any[]) => CallbackReturn<any>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * As {@link CallbackDecorator}, for a method whose first parameter accepts the message: a method that wants something
 * narrower, or something else, does not compile. It may have no parameters.
 *
 * @typeParam M the method
 */
export type MessageDecorator<Message> = <M extends (...args: any[]) => CallbackReturn<any>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> & AcceptsMessage<Parameters<M>, Message>,
) => void;

/**
 * Nothing, or what a method with these parameters lacks. A conditional type, because methods compare their parameters both
 * ways: a narrower one would pass.
 */
export type AcceptsMessage<Parameters extends readonly unknown[], Message> = Parameters extends readonly []
  ? unknown
  : [Message] extends [Parameters[0]]
    ? unknown
    : {
        /** What it gets. */
        'the first parameter must accept the message that the pattern lets through': Message;
      };

/**
 * Decorates a method that takes a socket, the request and the argument, or fewer of them, and returns anything.
 *
 * @typeParam M the method
 */
export type SocketDecorator = <
  M extends (socket: HostedSocket, request: HostedRequest, argument: any) => unknown,
>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Declares a class that handles WebSocket connections, and makes it injectable. List it in the `providers` of a module.
 *
 * The path is a path of the app like a controller's: global prefix, `RouterModule`, versioning and hosts apply, and so do
 * the guards, pipes, interceptors and filters of the class. They run on the upgrade request, before any 101.
 *
 * The callbacks are the methods with an `@On…` decorator; without any, those of the `WebSock` interface by their names. With
 * `@OnSocket()` a server library gets the connections instead.
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
  const { path = [], version, host, scope, durable, messageEnhancers, ...options } = route;
  const paths = typeof path === 'string' ? [path] : path;
  return (target) => {
    makeInjectable(target, { scope, durable });
    const declaredScope = { scope, durable };
    setHandlerMetadata(target, { paths, version, host, scope: declaredScope, messageEnhancers, options });
    const handlerClass = target as unknown as Type;
    const marked = markedMethods(handlerClass).map(({ method }) => method);
    keepDecorators(handlerClass, [...marked, ...CALLBACKS]);
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
 * Runs once per connection, after the 101 is on the wire, with a socket as a server library takes those of `ws`, the request and
 * what `@OnUpgrade` returned (or the request's facts, without it). It is never awaited. What it, or a listener of the socket's
 * events, throws closes with 1011.
 *
 * In place of the callbacks: what arrives and the end are events of the socket. `@OnUpgrade` and the guards of the class decide
 * the upgrade as ever; filters and `messageEnhancers` have no part in the rest.
 *
 * @throws ConfigError at boot, `WEBSOCK_SOCKET_AND_CALLBACKS` beside a callback, `WEBSOCK_ENHANCER_ON_SOCKET` with enhancers or parameter decorators of its own
 */
export function OnSocket(): SocketDecorator {
  return marks('socket');
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
 *
 * Several methods may have it, each with a pattern but the last: the first whose pattern takes the message runs. An opcode
 * takes its messages as they are; a schema (zod, valibot, arktype, … any Standard Schema) those that it accepts once the
 * `codec` has decoded them, and the method gets what the schema made of them. A message that none takes is a `NoClauseError`.
 *
 * @throws ConfigError `WEBSOCK_PATTERN` when the pattern is undefined, as it is in a circular import
 */
export function OnIn(): CallbackDecorator;
export function OnIn(pattern: 'text'): MessageDecorator<TextMessage>;
export function OnIn(pattern: 'binary'): MessageDecorator<BinaryMessage>;
export function OnIn<Schema extends StandardSchemaV1>(
  pattern: Schema,
): MessageDecorator<StandardSchemaV1.InferOutput<Schema>>;
export function OnIn(...pattern: [] | [Pattern]): (target: object, method: string | symbol) => void {
  return marksClause('handleIn', pattern);
}

/** Runs for a ping or a pong, with the message, the state and the connection. A ping has already been answered. */
export function OnControl(): CallbackDecorator {
  return marks('handleControl');
}

/**
 * Runs for a message from elsewhere in the app (`sendInfo`, `call`), with the message, the state and the connection.
 *
 * Several methods may have it, each with a pattern but the last: the first whose pattern takes the message runs. A class takes
 * its instances, a schema what it accepts. A message that none takes is a `NoClauseError`, which closes with 1011.
 *
 * @throws ConfigError `WEBSOCK_PATTERN` when the pattern is undefined, as it is in a circular import
 */
export function OnInfo(): CallbackDecorator;
export function OnInfo<Schema extends StandardSchemaV1>(
  pattern: Schema,
): MessageDecorator<StandardSchemaV1.InferOutput<Schema>>;
export function OnInfo<Message extends object>(pattern: InfoClass<Message>): MessageDecorator<Message>;
export function OnInfo(...pattern: [] | [Pattern]): (target: object, method: string | symbol) => void {
  return marksClause('handleInfo', pattern);
}

/**
 * Names a class of info messages, so that its instances keep their class on the way to another node; without it the class's
 * own name is used. Two classes that `@OnInfo()` methods take may not share a name. Subclasses have names of their own.
 *
 * @throws ConfigError `WEBSOCK_INFO_NAME` for an empty name
 */
export function InfoMessage(name: string): <Class extends InfoClass>(target: Class) => void {
  return (target) => setInfoName(target, name);
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

function marksClause(
  mark: 'handleIn' | 'handleInfo',
  given: [] | [Pattern],
): (target: object, method: string | symbol) => void {
  const [pattern] = given;
  return (target, method) => {
    if (given.length > 0 && (pattern as unknown) === undefined) {
      throw new ConfigError(
        'WEBSOCK_PATTERN',
        `${target.constructor.name}.${String(method)}(): the pattern of ${DECORATORS[mark]}() is undefined. Is it declared ` +
          'further down, or do two files import each other? Move it to a file of its own',
      );
    }
    markMethod(target, method, mark, pattern);
  };
}

function isPath(where: unknown): where is string | readonly string[] {
  return typeof where === 'string' || Array.isArray(where);
}
