import { isObservable, lastValueFrom } from 'rxjs';
import { isPromiseLike } from '../connection/promise-like.js';

// Where nothing has to be waited for there is no promise: a method behind a synchronous guard stays synchronous.

/** Goes on with a value, at once or when it has come. */
export function andThen<T, R>(
  value: T | PromiseLike<T>,
  next: (value: T) => R | PromiseLike<R>,
): R | Promise<R> {
  return isPromiseLike(value) ? Promise.resolve(value as PromiseLike<T>).then(next) : (next(value as T) as R);
}

/** Takes a value through steps, one after the other. What one of them throws spares those behind it. */
export function inTurn<T, S>(
  steps: readonly S[],
  value: T,
  take: (value: T, step: S) => T | PromiseLike<T>,
  first = 0,
): T | Promise<T> {
  let taken = value;
  for (let index = first; index < steps.length; index++) {
    const next = take(taken, steps[index]!);
    if (isPromiseLike(next)) return andThen(next, (come) => inTurn(steps, come as T, take, index + 1));
    taken = next as T;
  }
  return taken;
}

/** What a guard or a filter may answer with: a value, a promise or an Observable of it; of an empty one undefined. */
export function settle(answer: unknown): unknown {
  return andThen(answer, (value) =>
    isObservable(value) ? lastValueFrom(value, { defaultValue: undefined }) : value,
  );
}
