/** An asymmetric matcher of jest or vitest, such as `expect.stringContaining()`. */
export interface Matcher {
  /** Does the matcher take this value? */
  asymmetricMatch(value: unknown): boolean;
}

export function isMatcher(value: unknown): value is Matcher {
  return typeof (value as Matcher | null | undefined)?.asymmetricMatch === 'function';
}
