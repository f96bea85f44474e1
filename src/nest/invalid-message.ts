import { HttpException } from '@nestjs/common';
import type { Failure } from '../connection/handler.js';
import { NoClauseError, type Issue } from '../websock/errors.js';
import { json } from '../websock/message.js';
import { push, type PushResult } from '../websock/result.js';
import { saidIssues } from './said-issues.js';

/** What a client gets that has sent an invalid message, as a value of the connection's codec: JSON unless told otherwise. */
export interface InvalidMessage {
  /** Tells it from other messages. */
  readonly type: 'error';
  /** Tells it from other errors. */
  readonly code: 'invalid_message';
  /** The first of the issues, in words. */
  readonly message: string;
  /**
   * What is wrong, and where as far as it is known; at most 20. Of a path there are at most 20 segments, of a segment 100
   * characters, of a message 300: what is longer is cut, and a text then ends with an ellipsis.
   */
  readonly issues: readonly Issue[];
}

/** A client must not make the answer much longer than its message: paths have keys of the message, and words may quote it. */
const MAX_ISSUES = 20;
const MAX_SEGMENTS = 20;
/** In characters. */
const MAX_SEGMENT = 100;
const MAX_MESSAGE = 300;

/** Bad Request and Unprocessable Content, which pipes throw. */
const INVALID = [400, 422];

/**
 * The built-in filter: answers a message from the client that failed validation, and keeps the connection and its state.
 * Undefined for every other failure.
 */
export function answerInvalid({ callback, error, state }: Failure): PushResult<unknown> | undefined {
  const issues = callback === 'handleIn' ? issuesOf(error) : undefined;
  return issues && push(json(describe(issues.slice(0, MAX_ISSUES).map(shorten))), state);
}

function describe(issues: readonly Issue[]): InvalidMessage {
  const [first = { path: [], message: 'the message is invalid' }] = issues;
  const where = first.path.length === 0 ? '' : `${first.path.join('.')}: `;
  return { type: 'error', code: 'invalid_message', message: cut(where + first.message, MAX_MESSAGE), issues };
}

function shorten({ path, message }: Issue): Issue {
  const segments = path.slice(0, MAX_SEGMENTS);
  return {
    path: segments.map((segment) => (typeof segment === 'string' ? cut(segment, MAX_SEGMENT) : segment)),
    message: cut(message, MAX_MESSAGE),
  };
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** What failed validation; undefined for an error that is none. Of the error itself nothing else leaves: no stack, no cause. */
function issuesOf(error: unknown): readonly Issue[] | undefined {
  if (error instanceof NoClauseError) return error.issues;
  if (error instanceof HttpException && INVALID.includes(error.getStatus()))
    return saidIssues(error.getResponse());
  return isWsException(error) ? saidIssues(error.getError()) : undefined;
}

/** `@nestjs/websockets` need not be there. */
function isWsException(error: unknown): error is Error & { getError(): unknown } {
  if (typeof (error as { getError?: unknown } | undefined)?.getError !== 'function') return false;
  for (
    let level = Object.getPrototypeOf(error) as object;
    level;
    level = Object.getPrototypeOf(level) as object
  )
    if (level.constructor?.name === 'WsException') return true;
  return false;
}
