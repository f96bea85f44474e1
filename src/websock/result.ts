import type { CloseDetail } from './close.js';
import type { Messages } from './message.js';

/** Keeps `state`. */
export type OkResult<S> = readonly [tag: 'ok', state: S];

/** Sends the messages in order, then keeps `state`. */
export type PushResult<S> = readonly [tag: 'push', messages: Messages, state: S];

/** As `push`; `term` answers the caller when the message being handled came by `call`, else it is ignored. */
export type ReplyResult<S> = readonly [tag: 'reply', term: unknown, messages: Messages, state: S];

/** Ends the connection: `terminate` runs, then the close frame is sent. */
export type StopResult<S> =
  | readonly [tag: 'stop', reason: unknown, state: S]
  | readonly [tag: 'stop', reason: unknown, detail: CloseDetail, state: S]
  | readonly [tag: 'stop', reason: unknown, detail: CloseDetail, messages: Messages, state: S];

/**
 * What `init`, `handleIn`, `handleControl` and `handleInfo` return (WebSock's `handle_result`).
 *
 * - `['ok', state]` keeps `state`
 * - `['push', messages, state]` sends in order, then keeps `state`
 * - `['reply', term, messages, state]` as push, and answers a `call`
 * - `['stop', reason, detail?, messages?, state]` sends, runs `terminate`, closes:
 *
 * | reason | close code without a detail | `terminate` gets |
 * |---|---|---|
 * | `'normal'` | 1000 | `'normal'` |
 * | `['shutdown', 'disconnected']` | 1000 | `'normal'`, with a detail `['error', reason]` |
 * | `['shutdown', 'restart']` | 1012 | `'normal'`, with a detail `['error', reason]` |
 * | anything else | 1011 | `['error', reason]` |
 *
 * The whole result is checked before any of it is sent; a bad one is a crash of the callback with a `ResultError`.
 */
export type HandleResult<S> = OkResult<S> | PushResult<S> | ReplyResult<S> | StopResult<S>;

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;

/**
 * What a callback may return: a result, a promise of one, or an async generator of several. Each that it yields is applied in
 * order, the next is asked for when the client has drained; what it returns, if anything, is the last.
 */
export type CallbackReturn<S> = Awaitable<HandleResult<S>> | ResultStream<S>;

/** An async generator of results. */
export type ResultStream<S> = AsyncGenerator<HandleResult<S>, HandleResult<S> | void, void>;

/** `['ok', state]`: keeps the state. */
export function ok<S>(state: S): OkResult<S> {
  return ['ok', state];
}

/**
 * `['push', messages, state]`: sends one message or a list, in order. A message that `handleInfo` pushes to many connections, the
 * same `[opcode, payload]` each time, is encoded and framed once in a tick: its bytes must not change within it.
 */
export function push<S>(messages: Messages, state: S): PushResult<S> {
  return ['push', messages, state];
}

/** `['reply', term, messages, state]`: as `push`, and `term` answers a `call`. */
export function reply<S>(term: unknown, messages: Messages, state: S): ReplyResult<S> {
  return ['reply', term, messages, state];
}

/** `['stop', reason, detail?, messages?, state]`: ends the connection. See {@link HandleResult} for the close codes. */
export function stop<S>(reason: unknown, state: S): StopResult<S>;
export function stop<S>(reason: unknown, detail: CloseDetail, state: S): StopResult<S>;
export function stop<S>(reason: unknown, detail: CloseDetail, messages: Messages, state: S): StopResult<S>;
export function stop(...rest: unknown[]): StopResult<unknown> {
  return ['stop', ...rest] as unknown as StopResult<unknown>;
}
