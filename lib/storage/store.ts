/**
 * What the commands ask of a store, and all that they know of one. The engine in this folder is one; another behind
 * the same methods must pass the same tests.
 *
 * Keys and values are ranges of somebody else's bytes: a store copies what it keeps, and the range it answers with is
 * valid only until the store is next changed.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";

/** Entries by key, each with an optional expiry. */
export interface Store {
  /**
   * Looks up a living entry.
   *
   * @param value pointed at the entry's value if there is one
   * @returns whether there is one; an expired entry is none
   */
  get(key: ByteRange, value: ByteRange): boolean;

  /**
   * Stores a value, replacing value and expiry of an entry that is there.
   *
   * @param ttlMs milliseconds to live, 0 = no expiry
   * @throws CryptomemError `OUT_OF_MEMORY` when there is no room; then nothing has changed
   */
  set(key: ByteRange, value: ByteRange, ttlMs: number): void;

  /** Removes an entry. Returns whether a living one was there. */
  delete(key: ByteRange): boolean;

  /**
   * Does a bounded piece of the work that nobody waits for: giving back what has expired, moving entries together.
   *
   * @param maxSteps bounds the piece; a step is some work on one small entry
   * @returns whether there is more to do at once
   */
  tidy(maxSteps: number): boolean;

  /** What the store holds and takes, counted exactly. */
  stats(): StoreStats;
}

/** What a store holds and takes. All sizes are in bytes. */
export interface StoreStats {
  /** Entries, including expired ones that are not yet given back. */
  readonly entries: number;
  /** Keys of these entries. */
  readonly keyBytes: number;
  /** Values of these entries. */
  readonly valueBytes: number;
  /** Everything these entries take in segments: keys, values, headers, alignment. */
  readonly liveBytes: number;
  /** Segments, used or not, as taken from the system. */
  readonly segmentBytes: number;
  /** The index, as taken from the system. */
  readonly indexBytes: number;
  /** Entries that the janitor removed because their time had come. */
  readonly expired: number;
}
