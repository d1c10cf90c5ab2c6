/**
 * What the commands ask of a store, and all that they know of one. The engine in this folder is one; another behind
 * the same methods must pass the same tests.
 *
 * Keys and values are ranges of somebody else's bytes: a store copies what it keeps, and the range it answers with is
 * valid only until the store is next called. Every operation is atomic. An expired entry is none.
 *
 * Where changes are kept beyond the store's life, whatever may change something throws CryptomemError `STORAGE` while
 * they cannot be, also where there would have been nothing to change. Then nothing has changed.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Integer } from "../integer.ts";

/** Entries by key, each with an optional expiry. */
export interface Store {
  /**
   * Looks up an entry.
   *
   * @param value pointed at the entry's value if there is one
   * @returns whether there is one
   */
  get(key: ByteRange, value: ByteRange): boolean;

  /** Whether there is an entry. */
  exists(key: ByteRange): boolean;

  /**
   * Stores a value, replacing value and expiry of an entry that is there.
   *
   * @param ttlMs milliseconds to live, 0 = no expiry; here and below
   * @throws CryptomemError `OUT_OF_MEMORY` when there is no room; then the entry is as it was. So do all that store
   */
  set(key: ByteRange, value: ByteRange, ttlMs: number): void;

  /** Stores a value unless there is an entry. Returns whether it did. */
  add(key: ByteRange, value: ByteRange, ttlMs: number): boolean;

  /** Stores a value if there is an entry. Returns whether it did. */
  replace(key: ByteRange, value: ByteRange, ttlMs: number): boolean;

  /** Stores a value and points `previous` at the one before. Returns whether there was one. */
  swap(key: ByteRange, value: ByteRange, ttlMs: number, previous: ByteRange): boolean;

  /** Removes an entry and points `value` at what it held. Returns whether there was one. */
  take(key: ByteRange, value: ByteRange): boolean;

  /** Removes an entry. Returns whether there was one. */
  delete(key: ByteRange): boolean;

  /** Gives an entry another expiry. Returns whether there is one. */
  touch(key: ByteRange, ttlMs: number): boolean;

  /** Looks up an entry and gives it another expiry. Returns whether there is one. */
  getAndTouch(key: ByteRange, ttlMs: number, value: ByteRange): boolean;

  /**
   * Milliseconds that an entry has left to live: asked at once, those it was given; at least 1. -1 without an expiry, -2
   * if there is no entry.
   */
  ttlMs(key: ByteRange): number;

  /**
   * Adds to a number that is stored as decimal digits; a missing one counts as 0.
   *
   * @param ttlMs only for an entry that this creates
   * @returns the result, which is now stored
   * @throws CryptomemError `NOT_INTEGER` if the value is no decimal integer of 64 bits, `OVERFLOW` if the result would
   * be none
   */
  increment(key: ByteRange, delta: Integer, ttlMs: number): Integer;

  /** Adds bytes at the end of a value, keeping its expiry; a missing one counts as empty. Returns the new length. */
  append(key: ByteRange, tail: ByteRange): number;

  /**
   * Overwrites a part of a value, keeping its expiry; what lies between its end and the offset becomes zeros, and a
   * missing value counts as empty. Returns the new length.
   *
   * @param offset from 0; with the length of the part, at most the longest value
   */
  setRange(key: ByteRange, offset: number, part: ByteRange): number;

  /** Stores a value, keeping the expiry of an entry that is there; what it creates has none. */
  update(key: ByteRange, value: ByteRange): void;

  /**
   * Gives an entry another key, with its value and its expiry, in place of what that key has. To give it the key it has
   * changes nothing.
   *
   * @returns whether there is an entry
   */
  rename(key: ByteRange, newKey: ByteRange): boolean;

  /**
   * Does several changes that must be kept all or none, if they are kept beyond this store's life. It takes nothing back:
   * a change that is refused is no reason for those before it to go.
   *
   * @param work the changes, all made before it returns
   * @param expectedBytes about what their keys and values have, so that what cannot be kept is refused before the first
   * @returns what `work` returns
   */
  atomically<Result>(work: () => Result, expectedBytes?: number): Result;

  /**
   * Asks whether a value may be stored under a key, room aside, without storing it: before several are stored all or
   * none, and before what stores only under conditions.
   *
   * @throws CryptomemError whatever storing it would be refused with, except `OUT_OF_MEMORY`
   */
  admit(key: ByteRange, value: ByteRange): void;

  /**
   * Makes room for entries that are stored at once after it: what is admitted will not be refused. So several can be
   * stored all or none. Asks for a little more than they will need: for three segments, and for the index to grow.
   *
   * @param entries how many
   * @param keyAndValueBytes of all of them together
   * @throws CryptomemError `OUT_OF_MEMORY` when there is no room; entries may have been evicted all the same
   */
  reserve(entries: number, keyAndValueBytes: number): void;

  /**
   * Looks up an entry with its version.
   *
   * @returns a token that differs after every change of the value and is never 0 nor used again for the key; 0 if there
   * is no entry
   */
  getVersioned(key: ByteRange, value: ByteRange): number;

  /** The version alone, which does not count as a lookup; 0 if there is no entry. */
  version(key: ByteRange): number;

  /**
   * Stores a value if the entry's version is the one expected; version 0 expects no entry.
   *
   * @returns the new version, or what it was instead, negated: `-version`, or 0 for no entry
   */
  compareAndSet(key: ByteRange, expected: number, value: ByteRange, ttlMs: number): number;

  /**
   * Visits keys, some more with each call. Every key that lives from the first call to the last is visited at least
   * once, whatever happens meanwhile; others may be or not, and some twice.
   *
   * @param cursor 0 to begin, then what the last call returned; it needs no memory in the store
   * @param count how many entries to look at, about
   * @returns the next cursor, 0 at the end
   */
  scan(cursor: number, count: number, prefix: Uint8Array, visit: (key: ByteRange) => void): number;

  /**
   * Removes all entries whose keys start with a prefix and that are there at the time of the call: from now on they are
   * not found any more, and what is written from now on stays. Their memory comes back piece by piece.
   *
   * @returns how many there were, when they are gone; rejects with CryptomemError `STORAGE` if they came back because it
   * could not be kept
   */
  clear(prefix: Uint8Array): Promise<number>;

  /**
   * Does a bounded piece of the work that nobody waits for: giving back what has expired or was cleared, moving entries
   * together.
   *
   * @param maxSteps bounds the piece; a step is some work on one small entry
   * @returns whether there is more to do at once
   */
  tidy(maxSteps: number): boolean;

  /** Called when {@linkcode tidy} has something to do that somebody waits for. */
  onWork: (() => void) | undefined;

  /** What the store holds and takes, counted exactly. */
  stats(): StoreStats;

  /** With which keys the values it holds were sealed, counted exactly. */
  sealing(): SealingStats;
}

/**
 * Entries by the key they were sealed with, as far as their envelopes say; like {@linkcode StoreStats.entries}, with
 * expired ones that are not yet given back.
 */
export interface SealingStats {
  /** By key; a store may bound how many it tells apart. */
  readonly keys: readonly KeyIdCount[];
  /** Entries of all further keys. */
  readonly otherKeys: EntryCount;
  /** Entries whose values are no envelopes. */
  readonly unsealed: EntryCount;
}

/** How many entries there are of some kind. */
export interface EntryCount {
  /** Entries. */
  readonly entries: number;
  /** Bytes of their values. */
  readonly bytes: number;
}

/** How many entries were sealed with one key. */
export interface KeyIdCount extends EntryCount {
  /** Its id, 32 bits without a sign. */
  readonly id: number;
}

/** What a store holds, takes and has done. Sizes are in bytes. */
export interface StoreStats {
  /** Entries, including expired ones that are not yet given back. */
  readonly entries: number;
  /** Keys of these entries. */
  readonly keyBytes: number;
  /** Values of these entries. */
  readonly valueBytes: number;
  /** What these entries take beyond keys and values, in segments. */
  readonly overheadBytes: number;
  /** Parts of segments that no entry uses. */
  readonly freeBytes: number;
  /** Segments and buffers of large entries, as taken from the system: the sum of the four above. */
  readonly segmentBytes: number;
  /** The index, as taken from the system. */
  readonly indexBytes: number;
  /** What the eviction policy keeps beside the entries. */
  readonly policyBytes: number;
  /** All memory the store has taken: segments, index and policy. Never more than the limit. */
  readonly memoryBytes: number;
  /** Limit of `memoryBytes`; Infinity without one. */
  readonly maxMemoryBytes: number;
  /** Name of the eviction policy. */
  readonly policy: string;
  /** Lookups that found an entry. */
  readonly hits: number;
  /** Lookups that did not. */
  readonly misses: number;
  /** Entries removed because their time had come. */
  readonly expired: number;
  /** Entries removed to make room. */
  readonly evicted: number;
  /** Writes refused for want of room. */
  readonly refused: number;
  /** Used slots of the index, as a fraction. */
  readonly indexLoad: number;
  /** The most buckets of the index that a key has had to be looked for in since it last grew. */
  readonly longestProbe: number;
}
