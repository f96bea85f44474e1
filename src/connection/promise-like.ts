/** Is a callback's result still to come? A result is a list, and a list is no promise. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    !Array.isArray(value) && typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function'
  );
}
