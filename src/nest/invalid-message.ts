import { HttpException } from '@nestjs/common';
import type { Failure } from '../connection/handler.js';
import { NoClauseError, type Issue } from '../websock/errors.js';
import { json } from '../websock/message.js';
import { push, type PushResult } from '../websock/result.js';

/** What a client gets that has sent an invalid message, as a value of the connection's codec: JSON unless told otherwise. */
export interface InvalidMessage {
  /** Tells it from other messages. */
  readonly type: 'error';
  /** Tells it from other errors. */
  readonly code: 'invalid_message';
  /** The first of the issues, in words. */
  readonly message: string;
  /** What is wrong, and where as far as it is known; at most 20. */
  readonly issues: readonly Issue[];
}

/** A client must not make the answer much longer than its message. */
const MAX_ISSUES = 20;

/** Bad Request and Unprocessable Content, which pipes throw. */
const INVALID = [400, 422];

/**
 * The built-in filter: answers a message from the client that failed validation, and keeps the connection and its state.
 * Undefined for every other failure.
 */
export function answerInvalid({ callback, error, state }: Failure): PushResult<unknown> | undefined {
  const issues = callback === 'handleIn' ? issuesOf(error) : undefined;
  return issues && push(json(describe(issues.slice(0, MAX_ISSUES))), state);
}

function describe(issues: readonly Issue[]): InvalidMessage {
  const [first = { path: [], message: 'the message is invalid' }] = issues;
  const where = first.path.length === 0 ? '' : `${first.path.join('.')}: `;
  return { type: 'error', code: 'invalid_message', message: where + first.message, issues };
}

/** What failed validation; undefined for an error that is none. Of the error itself nothing else leaves: no stack, no cause. */
function issuesOf(error: unknown): readonly Issue[] | undefined {
  if (error instanceof NoClauseError) return error.issues;
  if (error instanceof HttpException && INVALID.includes(error.getStatus()))
    return issuesIn(error.getResponse());
  return isWsException(error) ? issuesIn(error.getError()) : undefined;
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

/** What pipes put into an exception. Every library has a shape of its own. */
interface Said {
  /** class-validator's ValidationError */
  readonly property?: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly unknown[];
  /** Standard Schema's issue, and zod's */
  readonly path?: readonly unknown[];
  readonly message?: unknown;
  /** A list of any of these */
  readonly errors?: unknown;
  readonly issues?: unknown;
}

function issuesIn(said: unknown, path: Issue['path'] = []): Issue[] {
  if (typeof said === 'string') return [{ path, message: said }];
  if (Array.isArray(said)) return said.flatMap((item) => issuesIn(item, path));
  if (typeof said !== 'object' || said === null) return [];
  const { property, constraints = {}, children = [], errors, issues, message } = said as Said;
  if (typeof property === 'string')
    return issuesIn([...Object.values(constraints), ...children], [...path, property]);
  const list = errors ?? issues;
  if (Array.isArray(list)) return issuesIn(list, path);
  if (typeof message === 'object' && message !== null && !Array.isArray(message))
    return groupedIssues(message);
  return issuesIn(message, [...path, ...segmentsOf((said as Said).path)]);
}

/** `{ 'author.name': ['must be a string'] }`: ValidationPipe with `errorFormat: 'grouped'`, since Nest 12. */
function groupedIssues(groups: object): Issue[] {
  return Object.entries(groups).flatMap(([path, messages]) => issuesIn(messages, path.split('.')));
}

function segmentsOf(path: unknown): Issue['path'] {
  return Array.isArray(path) ? path.map((key) => (typeof key === 'number' ? key : String(key))) : [];
}
