import { matchInfo, matchMessage, type Clause, type Match } from '../clause/clauses.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { isPromiseLike } from '../connection/promise-like.js';
import { jsonCodec } from '../websock/codec.js';
import type { DataMessage } from '../websock/message.js';

/** Calls a method with the arguments of its callback. */
export type Caller = (...args: any[]) => unknown;

/** A clause, and how its method is called. */
export interface CallableClause extends Clause {
  readonly call: Caller;
}

/** `handleIn` of a handler: the method itself where there is one for all messages, else the first clause that takes the message. */
export function dispatchMessages(clauses: readonly CallableClause[], handler: string): Caller | undefined {
  if (isBare(clauses)) return clauses[0]?.call;
  const where = `${handler} @OnIn()`;
  return (message: DataMessage, state: unknown, connection: LiveConnection) =>
    callMatch(matchMessage(clauses, message, connection.codec ?? jsonCodec, where), state, connection);
}

/** The same for `handleInfo`. */
export function dispatchInfo(clauses: readonly CallableClause[], handler: string): Caller | undefined {
  if (isBare(clauses)) return clauses[0]?.call;
  const where = `${handler} @OnInfo()`;
  return (message: unknown, state: unknown, connection: LiveConnection) =>
    callMatch(matchInfo(clauses, message, where), state, connection);
}

function isBare(clauses: readonly CallableClause[]): boolean {
  return clauses.length === 0 || (clauses.length === 1 && clauses[0]!.pattern === undefined);
}

/** A match that needs no promise costs none. */
function callMatch(match: Match | PromiseLike<Match>, state: unknown, connection: LiveConnection): unknown {
  if (!isPromiseLike(match)) return call(match, state, connection);
  return match.then((matched) => {
    checkNotOver(connection);
    return call(matched, state, connection);
  });
}

/**
 * A method that waited for a schema, a guard or a pipe must not begin when its callback was given up: `terminate` is last.
 *
 * @throws what nobody waits for any more
 */
export function checkNotOver(connection: Pick<LiveConnection, 'isOver' | 'signal'>): void {
  if (connection.isOver) throw connection.signal.reason;
}

function call({ clause, message }: Match, state: unknown, connection: LiveConnection): unknown {
  connection.runningMethod = clause.method;
  connection.runningPattern = clause.pattern;
  return (clause as CallableClause).call(message, state, connection);
}
