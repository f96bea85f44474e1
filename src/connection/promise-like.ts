import type { ResultStream } from '../websock/result.js';

/** Is a callback's result still to come? A result is a list, and a list is no promise. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    !Array.isArray(value) && typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function'
  );
}

/** Is this an async generator of results, or something like one? */
export function isStream(value: unknown): value is ResultStream<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.asyncIterator in value &&
    typeof (value as ResultStream<unknown>).next === 'function'
  );
}
