import { inspect } from 'node:util';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec } from '../websock/codec.js';
import { ConfigError, type Issue } from '../websock/errors.js';
import type { DataMessage } from '../websock/message.js';
import { plainIssues } from './issues.js';
import { InfoMessageOffer, InMessageOffer, type Offer } from './offer.js';
import { describePattern, isClass, isOpcode, isSchema, type Pattern } from './pattern.js';

const DECORATORS = { handleIn: '@OnIn', handleInfo: '@OnInfo' } as const;
const ALLOWED = {
  handleIn: "'text', 'binary' or a Standard Schema (zod, valibot, arktype, …)",
  handleInfo: 'a class or a Standard Schema (zod, valibot, arktype, …)',
} as const;

/** Their values are no instances of them. */
const OF_PRIMITIVES: readonly unknown[] = [String, Number, Boolean, Symbol, BigInt];

/** One of several methods for a callback. */
export interface Clause {
  readonly method: string;
  /** undefined: takes everything. */
  readonly pattern: Pattern | undefined;
}

/** A clause that takes the message, and the message as its method gets it. */
export interface Match {
  readonly clause: Clause;
  readonly message: unknown;
}

/**
 * The first clause that takes a message from the client. Without a pattern, or with its opcode, the method gets the message
 * unchanged; with a schema, the value that the schema makes of what the codec decodes. A promise only where a schema has one.
 *
 * @throws NoClauseError, or rejects with it; and what a schema throws
 */
export function matchMessage(
  clauses: readonly Clause[],
  message: DataMessage,
  codec: Codec,
  where: string,
): Match | Promise<Match> {
  return matchFrom(0, clauses, new InMessageOffer(message, codec, where), []);
}

/**
 * The first clause that takes an info message: whose class it is an instance of, or whose schema accepts it. A promise only
 * where a schema has one.
 *
 * @throws NoClauseError, or rejects with it; and what a schema throws
 */
export function matchInfo(
  clauses: readonly Clause[],
  message: unknown,
  where: string,
): Match | Promise<Match> {
  return matchFrom(0, clauses, new InfoMessageOffer(message, where), []);
}

/** `refusals`: what the schemas tried before say. */
function matchFrom(
  first: number,
  clauses: readonly Clause[],
  offer: Offer,
  refusals: (readonly Issue[])[],
): Match | Promise<Match> {
  for (let index = first; index < clauses.length; index++) {
    const match = tryClause(clauses[index]!, offer, refusals);
    if (match instanceof Promise) {
      return match.then((settled) => settled ?? matchFrom(index + 1, clauses, offer, refusals));
    }
    if (match !== undefined) return match;
  }
  throw offer.noClause(refusals);
}

function tryClause(
  clause: Clause,
  offer: Offer,
  refusals: (readonly Issue[])[],
): Match | undefined | Promise<Match | undefined> {
  const { pattern } = clause;
  if (!isSchema(pattern)) return offer.isTakenBy(pattern) ? { clause, message: offer.message } : undefined;
  if (!offer.hasValue()) return undefined;
  const result = pattern['~standard'].validate(offer.value);
  return isPromise(result)
    ? Promise.resolve(result).then((settled) => judge(clause, settled, refusals))
    : judge(clause, result, refusals);
}

function judge(
  clause: Clause,
  result: StandardSchemaV1.Result<unknown>,
  refusals: (readonly Issue[])[],
): Match | undefined {
  if (!result.issues) return { clause, message: result.value };
  refusals.push(plainIssues(result.issues));
  return undefined;
}

/** Not `instanceof`: a schema library may have promises of its own. */
function isPromise<T extends object>(result: T | Promise<T>): result is Promise<T> {
  return typeof (result as Partial<Promise<T>>).then === 'function';
}

/**
 * Checks the clauses of one callback: each has a pattern that the callback can have, and none stands behind others that take
 * all that it could. `where` is the handler's name.
 *
 * @throws ConfigError `WEBSOCK_PATTERN`, `WEBSOCK_UNREACHABLE_CLAUSE`
 */
export function checkClauses(
  callback: 'handleIn' | 'handleInfo',
  clauses: readonly Clause[],
  where: string,
): void {
  clauses.forEach((clause, index) => {
    checkPattern(callback, clause, where);
    const before = clauses.slice(0, index);
    const taker = before.find(({ pattern }) => takesAllOf(pattern, clause.pattern));
    if (taker) throw unreachable(callback, clause, [taker], where);
    const opcodes = before.filter(({ pattern }) => isOpcode(pattern));
    if (opcodes.length === 2) throw unreachable(callback, clause, opcodes, where);
  });
}

function checkPattern(callback: 'handleIn' | 'handleInfo', { method, pattern }: Clause, where: string): void {
  if (pattern === undefined || isSchema(pattern)) return;
  const fits = callback === 'handleIn' ? isOpcode(pattern) : isClass(pattern);
  if (fits && !OF_PRIMITIVES.includes(pattern)) return;
  throw new ConfigError(
    'WEBSOCK_PATTERN',
    `${where}.${method}(): ${DECORATORS[callback]}() takes ${ALLOWED[callback]}, not ${show(pattern)}`,
  );
}

/** Does `first` take whatever `second` could? */
function takesAllOf(first: Pattern | undefined, second: Pattern | undefined): boolean {
  if (first === undefined || first === second) return true;
  return isClass(first) && isClass(second) && second.prototype instanceof first;
}

function unreachable(
  callback: 'handleIn' | 'handleInfo',
  clause: Clause,
  takers: readonly Clause[],
  where: string,
): ConfigError {
  const names = takers.map(({ method, pattern }) => `${method}() (${describePattern(pattern)})`);
  const takes = takers.length === 1 ? 'comes first and takes' : 'come first and take';
  return new ConfigError(
    'WEBSOCK_UNREACHABLE_CLAUSE',
    `${where}: ${clause.method}() (${describePattern(clause.pattern)}) never runs: ${names.join(' and ')} ${takes} every ` +
      `message that it could. Declare it before ${takers.map(({ method }) => `${method}()`).join(' and ')}, or drop its ` +
      `${DECORATORS[callback]}()`,
  );
}

function show(pattern: unknown): string {
  if (isClass(pattern)) return `the class ${describePattern(pattern)}`;
  return inspect(pattern, { depth: 0, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 100 });
}
