import type { Connections } from '../../src/connection/connections.js';
import type { Handler } from '../../src/connection/handler.js';
import type { LiveConnection } from '../../src/connection/live-connection.js';
import type { RawMessage } from '../../src/websock/message.js';
import type { HandleResult } from '../../src/websock/result.js';

/** What a connection may add, ns per message. */
export const SYNC_BAR = 100;
export const ASYNC_BAR = 350;

/** What a handler of a benchmark returns; the state counts the messages. */
export type Result =
  HandleResult<number> | Promise<HandleResult<number>> | AsyncGenerator<HandleResult<number>>;

/** One thing that is measured: a handler on our connections, and the same work done by calling a function. */
export interface Bench {
  readonly name: string;
  /** What may be added, ns. Without it the number is only reported. */
  readonly bar?: number;
  handler(): Handler | Promise<Handler>;
  /** The same work. */
  bare(message: RawMessage, state: number): Result;
  /** How many results a message has: what an async generator yields. The times are per result. Default 1. */
  readonly results?: number;
  /** Nothing is sent. Then all of it must be synchronous. Default false. */
  readonly isSilent?: boolean;
  /** Messages to take in turn. Default: texts of 57 to 72 characters. */
  readonly messages?: readonly RawMessage[];
  /** What is sent for a message. Default: its payload. */
  answer?(message: RawMessage): string;
  /** Hands a message to a connection. Default: as its transport does. */
  give?(connection: LiveConnection, message: RawMessage, connections: Connections): void;
  /** Runs the whole of it in a context, or with a subscriber. */
  within?(run: () => Promise<void>): Promise<void>;
}

/** Texts of different length and content. */
export const TEXTS: readonly RawMessage[] = Array.from({ length: 16 }, (_, i) => [
  'text',
  `${String.fromCharCode(97 + i)} message ${'.'.repeat(47 + i)}`,
]);
