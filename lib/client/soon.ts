/**
 * Values that are there already, or will be: so that what needs no waiting, nearly always, does not wait.
 *
 * @module
 */

/** A value, or the promise of one. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there. */
export function soon<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
