/**
 * A cache as the hit-rate benchmark sees it, and the keys that all of them are asked for. Every request is a get; what
 * is missed is set, as a program does that reads through its cache. Both go in batches, first all gets and then the
 * sets of what they missed, because that is how a server is asked fast; all caches are asked in the same way.
 *
 * @module
 */

/** Requests that are under way together. */
export const BATCH_REQUESTS = 512;
/** Length of every key. */
export const KEY_BYTES = 16;
/** Length of every value. */
export const VALUE_BYTES = 100;

const ZERO_DIGIT = 48;
const PREFIX_BYTES = 4;

/** A cache with a bound on its memory. */
export interface TestedCache extends AsyncDisposable {
  readonly name: string;
  /**
   * Gets keys, then sets those that were missed.
   *
   * @param keys numbers of at most {@linkcode BATCH_REQUESTS} keys
   * @returns how many were found
   */
  request(keys: Uint32Array): Promise<number>;
  /** How many entries it holds. */
  entries(): Promise<number>;
}

/** Writes the digits of a key that is there already, `key:` and zeros: the same length for every number. */
export function writeKey(key: number, bytes: Uint8Array, start: number): void {
  let rest = key;
  for (let at = start + KEY_BYTES - 1; at >= start + PREFIX_BYTES; at--) {
    bytes[at] = ZERO_DIGIT + rest % 10;
    rest = Math.floor(rest / 10);
  }
}
