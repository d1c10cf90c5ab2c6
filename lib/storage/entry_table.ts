/**
 * Entries by key, with all structures kept in step: whoever stores, moves, expires or evicts an entry does it here. What
 * operations mean is in engine.ts.
 *
 * @module
 */

import { ByteRange, copyBytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import { Arena, DEFAULT_SEGMENT_BYTES } from "./arena.ts";
import { Clearings } from "./clearing.ts";
import { Compactor } from "./compactor.ts";
import { EngineTime } from "./engine_time.ts";
import { Entries } from "./entries.ts";
import {
  entryBytes,
  expiryMs,
  hasExpiry,
  HEADER_BYTES,
  keyLength,
  markDead,
  POLICY_LINKS_BYTES,
  setExpiryAndVersion,
  setLengths,
  setValueLength,
  setVersion,
  UNIT_BYTES,
  valueLength,
  version,
} from "./entry.ts";
import { choosePolicy, keepsLinks } from "./eviction/choose.ts";
import type { EvictionPolicy, PolicyName } from "./eviction/policy.ts";
import { type HashSeed, keyHash } from "./key_hash.ts";
import { KeyIndex, taggable } from "./key_index.ts";
import { Mover } from "./mover.ts";
import { Room, segmentBytesFor } from "./room.ts";
import { Snapshots } from "./snapshots.ts";
import type { SealingStats, StoreStats } from "./store.ts";
import { Tally } from "./tally.ts";
import { TimingWheel } from "./timing_wheel.ts";
import { verifyParts } from "./verify.ts";

/** What a table is made with. */
export interface TableOptions {
  readonly clock: Clock;
  readonly maxMemoryBytes: number;
  readonly policy: PolicyName;
  readonly seed: HashSeed;
  readonly segmentBytes: number | undefined;
}

/** A step of the janitor is worth one small entry. */
const COMPACTED_BYTES_PER_STEP = 256;

/** All entries. An address is 0 where there is no entry, and holds until the table is next changed. */
export class EntryTable {
  /** Called when {@linkcode EntryTable.tidy} has something to do that somebody waits for. */
  onWork: (() => void) | undefined;
  /** Called before an entry goes that nobody has asked to remove. */
  onLoss: ((address: number) => void) | undefined;
  /** Of the expiries. */
  readonly time: EngineTime;
  /** To look at entries by their addresses. */
  readonly entries: Entries;
  readonly clearings: Clearings;
  readonly snapshots: Snapshots;
  readonly #seed: HashSeed;
  readonly #arena: Arena;
  readonly #index: KeyIndex;
  readonly #wheel: TimingWheel;
  readonly #policy: EvictionPolicy;
  readonly #compactor: Compactor;
  readonly #room: Room;
  readonly #tally: Tally;
  #version = 0;

  constructor({ clock, maxMemoryBytes, policy, seed, segmentBytes }: TableOptions) {
    const time = this.time = new EngineTime(clock);
    this.#seed = seed;
    const arena = this.#arena = new Arena(segmentBytes ?? segmentBytesFor(maxMemoryBytes, DEFAULT_SEGMENT_BYTES));
    const headerBytes = HEADER_BYTES + (keepsLinks(policy) ? POLICY_LINKS_BYTES : 0);
    const entries = this.entries = new Entries(arena, seed, headerBytes);
    const index = this.#index = new KeyIndex(entries);
    const wheel = this.#wheel = new TimingWheel(arena);
    const mover = new Mover(arena, index, wheel, entries);
    this.#policy = choosePolicy(policy, { arena, entries, index, wheel, mover, evict: this.#evict });
    mover.policy = this.#policy;
    this.#compactor = new Compactor(arena, entries, mover);
    const clearings = this.clearings = new Clearings({
      arena,
      entries,
      index,
      moment: () => ({ lastVersion: this.#version, nowMs: time.nowMs() }),
      remove: this.#removeFound,
      askForWork: () => this.onWork?.(),
    });
    this.snapshots = new Snapshots({ arena, entries, index, clearings, time });
    this.#room = new Room({ arena, index, compactor: this.#compactor, policy: this.#policy }, maxMemoryBytes);
    this.#tally = new Tally({ arena, index, policy: this.#policy, room: this.#room });
  }

  /** The hash under which a key is kept. */
  hash(key: ByteRange): number {
    return taggable(keyHash(key, this.#seed));
  }

  /** The entry of a key, also one that has expired or is being cleared: its place can be used again. */
  find(hash: number, key: ByteRange): number {
    return this.#index.find(hash, key);
  }

  /** The entry of a key that is not over. */
  findLiving(hash: number, key: ByteRange): number {
    const address = this.#index.find(hash, key);
    return this.isLiving(address) ? address : 0;
  }

  /** Whether there is an entry and it is not over. */
  isLiving(address: number): boolean {
    if (address === 0) return false;
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    return !this.time.isOver(words, at) && (this.clearings.isIdle || !this.clearings.cover(address));
  }

  /** Whether an entry is over and does not come back, as one can that a held CLEAR hides. */
  isOverForGood(address: number): boolean {
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    return this.time.isOver(words, at) || this.clearings.coverForGood(address);
  }

  /** All of {@linkcode Store.get}, with one look at the entry: what is asked for most is written out. */
  lookup(key: ByteRange, value: ByteRange): boolean {
    const address = this.#index.find(this.hash(key), key);
    if (address !== 0) {
      const { words, bytes } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
      if (!this.time.isOver(words, at) && (this.clearings.isIdle || !this.clearings.cover(address))) {
        this.#tally.hits++;
        value.point(bytes, this.entries.keyStart(at) + key.length, valueLength(words, at));
        this.#policy.used(address, words, at);
        return true;
      }
    }
    this.#tally.misses++;
    return false;
  }

  /** Answers a lookup: points at the value, tells the policy, counts. Returns whether there is an entry. */
  read(address: number, value: ByteRange): boolean {
    if (address === 0) {
      this.#tally.misses++;
      return false;
    }
    this.#tally.hits++;
    this.entries.point(address, value);
    this.#policy.used(address, this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
    return true;
  }

  /**
   * Stores a value.
   *
   * @param present the entry that is there for the key, over or not
   * @returns the version of what is stored now
   * @throws CryptomemError `OUT_OF_MEMORY` if there is no room, `TOO_LARGE` if the key is longer than an entry can tell
   */
  put(hash: number, present: number, key: ByteRange, value: ByteRange, expiry: number): number {
    const sizeBytes = entryBytes(this.entries.headerBytes, key.length, value.length);
    if (present !== 0) {
      // Now: it may be shielded below, or evicted.
      if (!this.snapshots.isIdle) this.snapshots.give(present);
      const { words } = this.#arena.segmentOf(present), at = this.#arena.wordOf(present);
      if (this.entries.sizeAt(words, at) === sizeBytes) return this.#overwrite(present, value, expiry);
    }
    this.checkKey(key);
    const stream = this.#policy.streamFor(hash, present);
    const shielded = this.#shield(present);
    let address: number;
    try {
      address = this.#room.take(sizeBytes, stream);
    } catch (error) {
      this.#tally.refused++;
      const kept = this.#index.find(hash, key);
      if (shielded !== 0 && kept !== 0) this.setExpiry(kept, shielded);
      throw error;
    }
    this.#write(address, key, value, expiry);
    // Taking room may have moved or evicted what was there, so it is looked up again rather than remembered.
    const replaced = present === 0 ? 0 : this.#index.find(hash, key);
    this.#policy.added(address, replaced, stream);
    if (replaced === 0) this.#index.insert(hash, address);
    else {
      this.#index.replace(hash, replaced, address);
      this.#drop(replaced);
    }
    return this.#version;
  }

  /** The same for an entry that was there before: it is not refused, and none is evicted for it. */
  putBack(hash: number, present: number, key: ByteRange, value: ByteRange, expiry: number): void {
    this.#room.isLenient = true;
    try {
      this.put(hash, present, key, value, expiry);
    } finally {
      this.#room.isLenient = false;
    }
  }

  /** Throws CryptomemError `TOO_LARGE` if a key is longer than an entry can tell. */
  checkKey(key: ByteRange): void {
    if (key.length <= MAX_KEY_BYTES) return;
    throw new CryptomemError("TOO_LARGE", `the key has ${key.length} bytes, the limit is ${MAX_KEY_BYTES}`);
  }

  /** {@linkcode Store.reserve}. */
  reserve(entries: number, keyAndValueBytes: number): void {
    const padding = entryBytes(this.entries.headerBytes, 0, UNIT_BYTES - 1);
    try {
      this.#room.reserve(entries, keyAndValueBytes + entries * padding);
    } catch (error) {
      this.#tally.refused++;
      throw error;
    }
  }

  /** Whether a value fits into the place of an entry. */
  fits(address: number, value: ByteRange): boolean {
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    return this.entries.sizeAt(words, at) === entryBytes(this.entries.headerBytes, keyLength(words, at), value.length);
  }

  /** Gives a living entry another value if it fits into its place. Returns whether it did. */
  rewrite(address: number, value: ByteRange): boolean {
    const { words, bytes } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    const keyBytes = keyLength(words, at), oldBytes = valueLength(words, at);
    const { headerBytes } = this.entries;
    if (entryBytes(headerBytes, keyBytes, oldBytes) !== entryBytes(headerBytes, keyBytes, value.length)) return false;
    if (!this.snapshots.isIdle) this.snapshots.give(address);
    const start = this.entries.keyStart(at) + keyBytes;
    this.#tally.changed(bytes, start, oldBytes, value);
    setValueLength(words, at, value.length);
    setVersion(words, at, ++this.#version);
    copyBytes(value.bytes, value.start, bytes, start, value.length);
    this.#policy.used(address, words, at);
    return true;
  }

  /** Gives an entry another expiry. */
  setExpiry(address: number, expiry: number): void {
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    if (!this.snapshots.isIdle) this.snapshots.give(address);
    this.#changeExpiry(address, words, at, expiry, version(words, at));
  }

  /** Removes an entry. */
  remove(hash: number, address: number): void {
    this.#index.remove(hash, address);
    this.#drop(address);
  }

  /**
   * Gives an entry another key, in place of what that has.
   *
   * @returns whether it was there to the end; else it was evicted for room under the other key, where its value is now
   * @throws CryptomemError `OUT_OF_MEMORY` if there is no room
   */
  rename(hash: number, address: number, key: ByteRange, newKey: ByteRange): boolean {
    const value = new ByteRange(), newHash = this.hash(newKey);
    this.entries.point(address, value);
    const copy = ByteRange.of(value.copy());
    this.put(newHash, this.find(newHash, newKey), newKey, copy, this.entries.expiryOf(address));
    const left = this.find(hash, key);
    if (left !== 0) this.remove(hash, left);
    return left !== 0;
  }

  /**
   * Visits entries, over or not, some more with each call: all that are there from the first call to the last at least
   * once (key_index.ts).
   *
   * @param position 0 to begin, then what the last call returned
   * @returns the next position, 0 at the end
   */
  walk(position: number, visit: (address: number) => void): number {
    return this.#index.scan(position, visit);
  }

  /** {@linkcode Store.tidy}. */
  tidy(maxSteps: number): boolean {
    let hasMore = this.#wheel.advance(this.time.nowMs(), maxSteps, this.#expire);
    if (this.snapshots.isEnding) hasMore = this.snapshots.walk(maxSteps) || hasMore;
    // While entries are cleared nothing is moved together: it might be cleared next.
    if (this.clearings.step(maxSteps)) return true;
    hasMore = this.#index.shrink(maxSteps) || hasMore;
    return this.#compactor.step(maxSteps * COMPACTED_BYTES_PER_STEP) || hasMore;
  }

  /** {@linkcode Store.stats}. */
  stats(): StoreStats {
    return this.#tally.stats();
  }

  /** {@linkcode Store.sealing}. */
  sealing(): SealingStats {
    return this.#tally.sealing();
  }

  /**
   * Walks every structure and compares them with each other. For tests: costs time in proportion to all entries.
   *
   * @throws Error at the first thing that does not fit
   */
  verify(): void {
    verifyParts({
      arena: this.#arena,
      entries: this.entries,
      index: this.#index,
      wheel: this.#wheel,
      policy: this.#policy,
      snapshots: this.snapshots,
      stats: this.stats(),
      sealing: this.sealing(),
    });
  }

  /** Keeps an entry from going for room that its own next value may then be refused: what never expires is safe. */
  #shield(present: number): number {
    const expiry = this.isLiving(present) ? this.entries.expiryOf(present) : 0;
    if (expiry !== 0) this.setExpiry(present, 0);
    return expiry;
  }

  /** Fills fresh room with a new entry. */
  #write(address: number, key: ByteRange, value: ByteRange, expiry: number): void {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address), keyAt = this.entries.keyStart(at);
    setLengths(words, at, key.length, value.length, this.snapshots.mark);
    setExpiryAndVersion(words, at, expiry, ++this.#version);
    copyBytes(key.bytes, key.start, bytes, keyAt, key.length);
    copyBytes(value.bytes, value.start, bytes, keyAt + key.length, value.length);
    this.#tally.added(key.length, value);
    if (expiry !== 0) this.#wheel.add(address);
  }

  /** Gives an entry of the same key and size another value and expiry. */
  #overwrite(address: number, value: ByteRange, expiry: number): number {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address), keyBytes = keyLength(words, at);
    if (!this.clearings.isIdle) this.clearings.count(address);
    const start = this.entries.keyStart(at) + keyBytes;
    this.#tally.changed(bytes, start, valueLength(words, at), value);
    setValueLength(words, at, value.length);
    this.#changeExpiry(address, words, at, expiry, ++this.#version);
    copyBytes(value.bytes, value.start, bytes, start, value.length);
    this.#policy.used(address, words, at);
    return this.#version;
  }

  #changeExpiry(address: number, words: Int32Array, at: number, expiry: number, newVersion: number): void {
    const isRefiled = expiryMs(words, at) !== expiry;
    if (isRefiled && hasExpiry(words, at)) this.#wheel.remove(address);
    setExpiryAndVersion(words, at, expiry, newVersion);
    if (isRefiled && expiry !== 0) this.#wheel.add(address);
  }

  /** Gives back the memory of an entry that the index no longer names. */
  #drop(address: number): void {
    const { words, bytes } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    const keyBytes = keyLength(words, at);
    if (!this.snapshots.isIdle) this.snapshots.give(address);
    if (!this.clearings.isIdle) this.clearings.count(address);
    this.#policy.removed(address);
    if (hasExpiry(words, at)) this.#wheel.remove(address);
    this.#tally.removed(keyBytes, bytes, this.entries.keyStart(at) + keyBytes, valueLength(words, at));
    markDead(words, at);
    this.#arena.free(address, this.entries.sizeAt(words, at));
  }

  readonly #expire = (address: number): void => {
    this.onLoss?.(address);
    this.#removeFound(address);
    this.#tally.expired++;
  };

  readonly #evict = (address: number): number => {
    this.onLoss?.(address);
    const sizeBytes = this.entries.sizeAt(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
    this.#removeFound(address);
    this.#tally.evicted++;
    return sizeBytes;
  };

  readonly #removeFound = (address: number): void => {
    this.remove(this.entries.hashOf(address), address);
  };
}
