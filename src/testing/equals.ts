import { isDeepStrictEqual } from 'node:util';
import { isMatcher } from './matcher.js';

/**
 * Is a decoded value what is expected? Compared by value; matchers may stand anywhere in `expected`, and a field that is
 * undefined there may be absent, as no codec carries it.
 */
export function equals(expected: unknown, actual: unknown): boolean {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual);
  if (expected instanceof Uint8Array && actual instanceof Uint8Array) {
    return Buffer.compare(expected, actual) === 0;
  }
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      expected.length === actual.length &&
      expected.every((item, index) => equals(item, actual[index]))
    );
  }
  if (!isPlain(expected)) return isDeepStrictEqual(expected, actual);
  if (!isPlain(actual)) return false;
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].every((key) => equals(expected[key], actual[key]));
}

/** An object of fields. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]' && !(value instanceof Map);
}
