import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Issue } from '../websock/errors.js';

/** A schema may have as many issues as the message has values; nobody reads more than some. */
const MAX_ISSUES = 100;

/** A schema's issues in our shape, at most 100: a path segment may be an object there, and a symbol. */
export function plainIssues(issues: readonly StandardSchemaV1.Issue[]): readonly Issue[] {
  // Not `slice` and `map`: of an array class of the library's own they would make another of that class.
  const plain: Issue[] = [];
  for (const { path = [], message } of issues) {
    if (plain.length === MAX_ISSUES) break;
    plain.push({ path: Array.from(path, plainSegment), message });
  }
  return plain;
}

/** A segment of a path: a key, or an object that has it. */
export function plainSegment(segment: unknown): string | number {
  const isObject = typeof segment === 'object' && segment !== null;
  const key = isObject ? (segment as Partial<StandardSchemaV1.PathSegment>).key : segment;
  return typeof key === 'number' ? key : String(key);
}

type Field = string | number | undefined;

/**
 * What to tell of a message that several schemas refused: what the schema has against it that is for messages of its kind.
 *
 * The field that tells kinds apart, such as `type`, is the one that most of them refuse, each in other words: `type` must be
 * 'join', `type` must be 'say'. Where all do, no kind fits, and those are the issues. Where there is no such field, or where
 * several schemas are for this kind, it is the schema that refuses the fewest fields; one that others refuse too weighs more.
 */
export function closestIssues(refusals: readonly (readonly Issue[])[]): readonly Issue[] {
  if (refusals.length === 1) return refusals[0]!;
  const refusers = countRefusers(refusals);
  const kinds = kindFields(refusals, refusers);
  const ofThisKind = refusals.filter((issues) => kinds.some((field) => !fieldsOf(issues).has(field)));
  if (kinds.length > 0 && ofThisKind.length === 0) {
    return distinct(refusals.flat().filter(({ path }) => kinds.includes(path[0])));
  }
  const weight = (issues: readonly Issue[]) =>
    sum([...fieldsOf(issues)].map((field) => refusers.get(field)!));
  return distinct(lowest(ofThisKind.length > 0 ? ofThisKind : refusals, weight).flat());
}

/** The fields that the most schemas refuse, and two at least, each in other words. */
function kindFields(
  refusals: readonly (readonly Issue[])[],
  refusers: ReadonlyMap<Field, number>,
): readonly Field[] {
  const all = distinct(refusals.flat());
  const told = [...refusers].filter(
    ([field, count]) => count > 1 && all.filter(({ path }) => path[0] === field).length >= count,
  );
  return lowest(told, ([, count]) => -count).map(([field]) => field);
}

/** By how many schemas each top-level field is refused; undefined is the whole message. */
function countRefusers(refusals: readonly (readonly Issue[])[]): Map<Field, number> {
  const refusers = new Map<Field, number>();
  for (const issues of refusals) {
    for (const field of fieldsOf(issues)) refusers.set(field, (refusers.get(field) ?? 0) + 1);
  }
  return refusers;
}

function fieldsOf(issues: readonly Issue[]): Set<Field> {
  return new Set(issues.map(({ path }) => path[0]));
}

function lowest<T>(items: readonly T[], rank: (item: T) => number): readonly T[] {
  const ranks = items.map(rank);
  const least = Math.min(...ranks);
  return items.filter((_, index) => ranks[index] === least);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function distinct(issues: readonly Issue[]): readonly Issue[] {
  return [...new Map(issues.map((issue) => [JSON.stringify([issue.path, issue.message]), issue])).values()];
}
