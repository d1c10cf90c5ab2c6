/**
 * How new the values were that a client has seen, so that it notices when it is given an older one (CRYPTO.md §1.3). In
 * memory, of this client alone: what another client has seen, or this one before it was started, it cannot know.
 *
 * @module
 */

import { LruMap } from "../crypto/lru_map.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_HIGH_WATER_MARKS } from "../limits.ts";

/** Sequences leave room between two milliseconds, so that a clock which stands still does not make them run ahead. */
const SEQUENCES_PER_MS = 1_000;

/** The highest sequence seen under each key, of the keys used last. */
export class HighWater {
  readonly #marks = new LruMap<string, number>(MAX_HIGH_WATER_MARKS);

  /**
   * The mark of a key. Take it when a request is made: what the server answers to it must not be older, while a mark
   * that was raised since may be newer than the answer.
   */
  mark(key: string): number | undefined {
    return this.#marks.get(key);
  }

  /** Notes that a value with this sequence was under the key. */
  raise(key: string, sequence: number): void {
    if (sequence > (this.#marks.get(key) ?? -1)) this.#marks.set(key, sequence);
  }

  /**
   * A sequence for a new value: higher than all that is known, and at least the time, so that a key which was deleted
   * or forgotten does not start again below what others remember.
   *
   * @param present that of the value which will be replaced
   * @throws CryptomemError `OVERFLOW` if there is none
   */
  next(key: string, present: number | undefined, wallMs: number): number {
    const highest = Math.max(present ?? 0, this.#marks.get(key) ?? 0, Math.floor(wallMs) * SEQUENCES_PER_MS);
    if (Number.isSafeInteger(highest + 1)) return highest + 1;
    throw new CryptomemError(
      "OVERFLOW",
      `Cannot write ${JSON.stringify(key)}: its value has the last sequence there is`,
    );
  }
}
