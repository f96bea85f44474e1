import type { Connection } from '../websock/connection.js';
import { CALLBACKS, type CallbackName, type WebSock } from '../websock/websock.js';

/** A callback that threw, rejected or returned a bad result. */
export interface Failure {
  readonly callback: RunnableCallback;
  /** What it was called with: the message, or the argument of `init`. */
  readonly message: unknown;
  /** The newest applied state. */
  readonly state: unknown;
  readonly error: unknown;
}

/** The callbacks whose results are applied. */
export type RunnableCallback = Exclude<CallbackName, 'terminate'>;

/** A `WebSock` with the names that errors and logs give it: what a connection runs. Made once, used by many connections. */
export interface Handler {
  /** The class's name. */
  readonly name: string;
  readonly websock: WebSock;
  /** The method behind each callback, where it is not called as the callback. */
  readonly methods: Readonly<Partial<Record<CallbackName, string>>>;
  /** Makes a result, or a promise of one, of a failure; undefined leaves it an error. Must not throw for the same error. */
  readonly recover?: ((failure: Failure, connection: Connection) => unknown) | undefined;
}

const handlers = new WeakMap<WebSock, Handler>();

/** The handler that runs a plain `WebSock` object. */
export function handlerOf(websock: WebSock): Handler {
  let handler = handlers.get(websock);
  if (handler === undefined) {
    handler = { name: nameOf(websock), websock, methods: {} };
    handlers.set(websock, handler);
  }
  return handler;
}

/** `RoomHandler.say`, for errors and logs. `method`: the one that runs, where several serve the callback. */
export function methodName(handler: Handler, callback: CallbackName, method?: string): string {
  return `${handler.name}.${method ?? handler.methods[callback] ?? callback}`;
}

/** Does this look like a `WebSock`: an object with at least one of the callbacks? */
export function isWebSock(value: unknown): value is WebSock {
  return (
    typeof value === 'object' &&
    value !== null &&
    CALLBACKS.some((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  );
}

function nameOf(websock: WebSock): string {
  const name = websock.constructor?.name;
  return name === undefined || name === '' || name === 'Object' ? 'WebSock' : name;
}
