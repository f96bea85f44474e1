import type { CloseFacts, CloseReason } from './close.js';
import type { Connection } from './connection.js';
import type { ControlMessage, DataMessage } from './message.js';
import type { CallbackReturn } from './result.js';

/**
 * The behaviour: callbacks that take a state and return a result tuple (Elixir's `WebSock`), a promise of one, or an async
 * generator of several.
 *
 * They run one at a time on a connection: the next starts when the result of the one before has been applied,
 * asynchronous or not. A throw, a rejection or a bad result closes with 1011, and `terminate` gets
 * `['error', error]` with the newest applied state.
 */
export interface WebSock<State = unknown, Argument = unknown, Info = unknown> {
  /**
   * Per connection: once, after the 101 is on the wire; nothing else runs until its result is applied.
   * Receives the argument given to `upgrade`. Without `init` that argument is the state.
   *
   * A throw, a rejection, a bad result or taking longer than `upgradeTimeout` closes with 1011 without `terminate`.
   * WebSock: `init/1`.
   */
  init?(argument: Argument, connection: Connection): CallbackReturn<State>;

  /**
   * Once per whole message: fragments joined, inflated, text already checked as UTF-8 (RFC 6455 §8.1).
   * Without `handleIn` client messages are dropped and counted. WebSock: `handle_in/2`.
   */
  handleIn?(message: DataMessage, state: State, connection: Connection): CallbackReturn<State>;

  /** For a ping or a pong; the pong that answers a ping has already been sent. WebSock: `handle_control/2`. */
  handleControl?(message: ControlMessage, state: State, connection: Connection): CallbackReturn<State>;

  /**
   * For a message from elsewhere in the app: `sendInfo`, `sendInfoAfter`, `call`, a stream that is attached.
   * Without `handleInfo` the message is dropped and counted. WebSock: `handle_info/2`.
   */
  handleInfo?(message: Info, state: State, connection: Connection): CallbackReturn<State>;

  /**
   * At most once, last; nothing runs after it and its result is ignored. It runs before the close frame is sent, so a
   * client that reconnects on the close finds the old connection cleaned up. WebSock: `terminate/2`.
   */
  terminate?(reason: CloseReason, state: State, facts: CloseFacts, connection: Connection): unknown;
}

/** The callbacks of {@link WebSock}, by name. */
export type CallbackName = 'init' | 'handleIn' | 'handleControl' | 'handleInfo' | 'terminate';

/** All of them. */
export const CALLBACKS: readonly CallbackName[] = [
  'init',
  'handleIn',
  'handleControl',
  'handleInfo',
  'terminate',
];
