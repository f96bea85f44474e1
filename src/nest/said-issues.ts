import { plainSegment } from '../clause/issues.js';
import type { Issue } from '../websock/errors.js';

/** What pipes put into an exception. Every library has a shape of its own. */
interface Said {
  /** class-validator's ValidationError */
  readonly property?: unknown;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly unknown[];
  /** Standard Schema's issue, and zod's */
  readonly path?: unknown;
  readonly message?: unknown;
  /** A list of any of these, or messages by path */
  readonly errors?: unknown;
  readonly issues?: unknown;
  /** zod's flattenError() */
  readonly formErrors?: unknown;
  readonly fieldErrors?: unknown;
}

/** What an exception of a pipe says is wrong, as far as its shape is known. */
export function saidIssues(said: unknown): Issue[] {
  return issuesIn(said, [], new Set());
}

/** `seen`: an exception may refer to itself. */
function issuesIn(said: unknown, path: Issue['path'], seen: Set<object>): Issue[] {
  if (typeof said === 'string') return [{ path, message: said }];
  if (typeof said !== 'object' || said === null || seen.has(said)) return [];
  seen.add(said);
  if (Array.isArray(said)) return said.flatMap((item) => issuesIn(item, path, seen));
  const { property, constraints = {}, children = [], message } = said as Said;
  if (typeof property === 'string')
    return issuesIn([...Object.values(constraints), ...children], [...path, property], seen);
  const here = [...path, ...segmentsOf((said as Said).path)];
  const listed = listedIssues(said as Said, here, seen);
  if (listed.length > 0) return listed;
  return isGrouped(message) ? groupedIssues(message, here) : issuesIn(textsIn(message), here, seen);
}

function listedIssues(
  { errors, issues, formErrors, fieldErrors }: Said,
  path: Issue['path'],
  seen: Set<object>,
): Issue[] {
  return [errors ?? issues, formErrors, fieldErrors].flatMap((list) =>
    isGrouped(list) ? groupedIssues(list, path) : issuesIn(list, path, seen),
  );
}

/** `{ 'author.name': ['must be a string'] }`: ValidationPipe with `errorFormat: 'grouped'`, since Nest 12, and zod's `fieldErrors`. */
function groupedIssues(groups: Groups, path: Issue['path']): Issue[] {
  return Object.entries(groups).flatMap(([key, messages]) =>
    messages.map((message) => ({ path: [...path, ...key.split('.')], message })),
  );
}

type Groups = Readonly<Record<string, readonly string[]>>;

/** Nothing but lists of texts: an object of any other kind is not meant for the client. */
function isGrouped(said: unknown): said is Groups {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return false;
  return Object.values(said).every(
    (list) => Array.isArray(list) && list.every((text) => typeof text === 'string'),
  );
}

/** Of a `message` that is an object nothing is told. */
function textsIn(message: unknown): unknown {
  return typeof message === 'string' || Array.isArray(message) ? message : undefined;
}

function segmentsOf(path: unknown): Issue['path'] {
  return Array.isArray(path) ? path.map(plainSegment) : [];
}
