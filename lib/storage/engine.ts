/**
 * The storage engine: entries off the JavaScript heap, in an arena of segments, found through an index of hashes, with
 * expiry to the millisecond. It knows no protocol, no socket and no file, and does nothing on its own: a janitor
 * (janitor.ts) calls {@linkcode Engine.tidy} now and then.
 *
 * The parts, from the bottom: entry.ts (bytes of an entry), arena.ts (memory), key_hash.ts, buckets.ts and
 * key_index.ts (finding), timing_wheel.ts (expiry), compactor.ts (winning memory back).
 *
 * @module
 */

import { type ByteRange, copyBytes } from "../bytes.ts";
import { type Clock, systemClock } from "../clock.ts";
import { Arena } from "./arena.ts";
import { Compactor } from "./compactor.ts";
import {
  entryBytes,
  expiryMs,
  hasExpiry,
  HEADER_BYTES,
  keyLength,
  markDead,
  setExpiryAndVersion,
  setLengths,
  valueLength,
} from "./entry.ts";
import { EntryKeys } from "./entry_keys.ts";
import { type HashSeed, keyHash, randomSeed } from "./key_hash.ts";
import { KeyIndex, taggable } from "./key_index.ts";
import type { Store, StoreStats } from "./store.ts";
import { TimingWheel } from "./timing_wheel.ts";
import { verifyParts } from "./verify.ts";

const BYTES_PER_WORD = 4;
/**
 * What a write pays towards compaction, in bytes moved for each byte written. A segment that is worth compacting has
 * at least 1/8 dead (compactor.ts), so moving seven bytes wins one back: with eight, compaction keeps pace.
 */
const COMPACTED_BYTES_PER_BYTE = 8;
/** Bounds what one write pays, to some 50 µs. */
const MAX_COMPACTED_BYTES_PER_WRITE = 256 * 1024;
/** A step of the janitor is worth one small entry. */
const COMPACTED_BYTES_PER_STEP = 256;

/** What an engine can be told; everything has a default fit for use. */
export interface EngineOptions {
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Seed of the key hash; random unless a test wants to see the same layout twice. */
  readonly seed?: HashSeed;
  /** Bytes of a segment, a power of two from 1 KiB to 1 MiB; small ones make tests meet every edge soon. */
  readonly segmentBytes?: number;
}

/** A {@linkcode Store} in memory. */
export class Engine implements Store {
  readonly #clock: Clock;
  /** Expiries count from here, so that 0 can mean none. */
  readonly #startMs: number;
  readonly #seed: HashSeed;
  readonly #arena: Arena;
  readonly #index: KeyIndex;
  readonly #wheel: TimingWheel;
  readonly #keys: EntryKeys;
  readonly #compactor: Compactor;
  #version = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #expired = 0;

  constructor(options: EngineOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#startMs = this.#clock.nowMs();
    this.#seed = options.seed ?? randomSeed();
    this.#arena = new Arena(options.segmentBytes);
    this.#keys = new EntryKeys(this.#arena, this.#seed);
    this.#index = new KeyIndex(this.#keys);
    this.#wheel = new TimingWheel(this.#arena);
    this.#compactor = new Compactor(this.#arena, this.#index, this.#wheel, this.#keys);
  }

  get(key: ByteRange, value: ByteRange): boolean {
    const address = this.#index.find(this.#hash(key), key);
    if (address === 0) return false;
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    if (this.#isExpired(words, at)) return false;
    value.point(bytes, at * BYTES_PER_WORD + HEADER_BYTES + key.length, valueLength(words, at));
    return true;
  }

  set(key: ByteRange, value: ByteRange, ttlMs: number): void {
    const hash = this.#hash(key);
    const sizeBytes = entryBytes(key.length, value.length);
    const expiry = ttlMs === 0 ? 0 : Math.ceil(this.#nowMs() + ttlMs);
    const present = this.#index.find(hash, key);
    if (present !== 0 && this.#sizeOf(present) === sizeBytes) {
      this.#overwrite(present, key, value, expiry);
      return;
    }
    const address = this.#takeRoom(sizeBytes);
    this.#write(address, key, value, expiry);
    // Taking room may have moved the entry that is there, so it is looked up again rather than remembered.
    const replaced = present === 0 ? 0 : this.#index.find(hash, key);
    if (replaced === 0) this.#index.insert(hash, address);
    else {
      this.#index.replace(hash, replaced, address);
      this.#drop(replaced);
    }
  }

  delete(key: ByteRange): boolean {
    const hash = this.#hash(key);
    const address = this.#index.find(hash, key);
    if (address === 0) return false;
    const isLiving = !this.#isExpired(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
    this.#index.remove(hash, address);
    this.#drop(address);
    return isLiving;
  }

  tidy(maxSteps: number): boolean {
    const moreIsDue = this.#wheel.advance(this.#nowMs(), maxSteps, this.#expire);
    return this.#compactor.step(maxSteps * COMPACTED_BYTES_PER_STEP) || moreIsDue;
  }

  stats(): StoreStats {
    return {
      entries: this.#index.size,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      liveBytes: this.#arena.liveBytes,
      segmentBytes: this.#arena.takenBytes,
      indexBytes: this.#index.bytes,
      expired: this.#expired,
    };
  }

  /**
   * Walks every structure and compares them with each other. For tests: costs time in proportion to all entries.
   *
   * @throws Error at the first thing that does not fit
   */
  verify(): void {
    verifyParts({ arena: this.#arena, index: this.#index, wheel: this.#wheel, keys: this.#keys, stats: this.stats() });
  }

  #nowMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  #hash(key: ByteRange): number {
    return taggable(keyHash(key, this.#seed));
  }

  #isExpired(words: Int32Array, at: number): boolean {
    return hasExpiry(words, at) && expiryMs(words, at) <= this.#nowMs();
  }

  #sizeOf(address: number): number {
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    return entryBytes(keyLength(words, at), valueLength(words, at));
  }

  /**
   * The one place where room is made for an entry: what compaction owes for it is paid here, and a bound on memory
   * with a policy that evicts belongs here too. Entries may move meanwhile.
   */
  #takeRoom(sizeBytes: number): number {
    this.#compactor.step(Math.min(sizeBytes * COMPACTED_BYTES_PER_BYTE, MAX_COMPACTED_BYTES_PER_WRITE));
    return this.#arena.allocate(sizeBytes);
  }

  /** Fills fresh room with a new entry. */
  #write(address: number, key: ByteRange, value: ByteRange, expiry: number): void {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address), keyAt = at * BYTES_PER_WORD + HEADER_BYTES;
    setLengths(words, at, key.length, value.length);
    setExpiryAndVersion(words, at, expiry, ++this.#version);
    copyBytes(key.bytes, key.start, bytes, keyAt, key.length);
    copyBytes(value.bytes, value.start, bytes, keyAt + key.length, value.length);
    this.#keyBytes += key.length;
    this.#valueBytes += value.length;
    if (expiry !== 0) this.#wheel.add(address);
  }

  /** Gives an entry of the same key and size another value and expiry. */
  #overwrite(address: number, key: ByteRange, value: ByteRange, expiry: number): void {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    const isRefiled = expiryMs(words, at) !== expiry;
    if (isRefiled && hasExpiry(words, at)) this.#wheel.remove(address);
    this.#valueBytes += value.length - valueLength(words, at);
    setLengths(words, at, key.length, value.length);
    setExpiryAndVersion(words, at, expiry, ++this.#version);
    copyBytes(value.bytes, value.start, bytes, at * BYTES_PER_WORD + HEADER_BYTES + key.length, value.length);
    if (isRefiled && expiry !== 0) this.#wheel.add(address);
  }

  /** Gives back the memory of an entry that the index no longer names. */
  #drop(address: number): void {
    const { words } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    if (hasExpiry(words, at)) this.#wheel.remove(address);
    const keyBytes = keyLength(words, at), valueBytes = valueLength(words, at);
    this.#keyBytes -= keyBytes;
    this.#valueBytes -= valueBytes;
    markDead(words, at);
    this.#arena.free(address, entryBytes(keyBytes, valueBytes));
  }

  readonly #expire = (address: number): void => {
    this.#index.remove(this.#keys.hashOf(address), address);
    this.#drop(address);
    this.#expired++;
  };
}
