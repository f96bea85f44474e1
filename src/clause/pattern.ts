import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { DataOpcode } from '../websock/message.js';

/** A class whose instances are sent as info messages. */
export type InfoClass<T extends object = object> = abstract new (...args: any[]) => T;

/**
 * Which messages a clause takes: those of an opcode, those that a schema accepts (zod, valibot, arktype, … whatever
 * implements Standard Schema), or the instances of a class.
 */
export type Pattern = DataOpcode | StandardSchemaV1 | InfoClass;

export function isOpcode(value: unknown): value is DataOpcode {
  return value === 'text' || value === 'binary';
}

/** Some libraries have objects, others functions. */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { '~standard': standard } = value as Partial<StandardSchemaV1>;
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function';
}

export function isClass(value: unknown): value is InfoClass {
  return (
    typeof value === 'function' &&
    !isSchema(value) &&
    typeof value.prototype === 'object' &&
    value.prototype !== null
  );
}

/** A pattern in the words of error messages: `text`, `a zod schema`, `PostCreated`, `anything`. */
export function describePattern(pattern: Pattern | undefined): string {
  if (pattern === undefined) return 'anything';
  if (isOpcode(pattern)) return pattern;
  if (isSchema(pattern)) return `a ${pattern['~standard'].vendor} schema`;
  return pattern.name === '' ? 'an anonymous class' : pattern.name;
}
