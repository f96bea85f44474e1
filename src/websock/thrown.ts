/** What was thrown, in words. Anything can be thrown, also what has none. */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `${typeof thrown} without words`;
  }
}
