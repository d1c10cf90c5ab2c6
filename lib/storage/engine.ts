/**
 * The storage engine: entries off the JavaScript heap, in an arena of segments, found through an index of hashes, with
 * expiry to the millisecond, within a bound on memory. It knows no protocol, no socket and no file, and does nothing on
 * its own: a janitor (janitor.ts) calls {@linkcode Engine.tidy} now and then.
 *
 * Here is what the operations mean. The parts below, from the bottom: entry.ts (bytes of an entry), arena.ts (memory),
 * key_hash.ts, buckets.ts, key_index.ts and entries.ts (finding), timing_wheel.ts (expiry), eviction/ (what goes when
 * there is no room), mover.ts and compactor.ts (winning memory back), room.ts (the bound), clearing.ts (CLEAR), tally.ts
 * and key_id_counts.ts (counting), entry_table.ts (all of them in step), journaled_table.ts (who is told of changes),
 * snapshots.ts and replay.ts (all entries out and in).
 *
 * @module
 */

import { ByteRange, copyBytes } from "../bytes.ts";
import { type Clock, systemClock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import type { Entries } from "./entries.ts";
import { EntryTable } from "./entry_table.ts";
import type { PolicyName } from "./eviction/policy.ts";
import type { Journal } from "./journal.ts";
import { JournaledTable } from "./journaled_table.ts";
import { type HashSeed, randomSeed } from "./key_hash.ts";
import { Replay } from "./replay.ts";
import { MIN_MAX_MEMORY_BYTES } from "./room.ts";
import { addIntegers, type Integer, parseInteger, writeInteger } from "../integer.ts";
import type { Snapshot, SnapshotSink } from "./snapshots.ts";
import type { SealingStats, Store, StoreStats } from "./store.ts";

/** What an engine can be told; everything has a default fit for use. */
export interface EngineOptions {
  /** Where time comes from. */
  readonly clock?: Clock;
  /** All the memory that entries, index and policy may take, at least 1 MiB. Default: no limit. */
  readonly maxMemoryBytes?: number;
  /** What goes when the limit is reached. Default `s3-fifo`. */
  readonly policy?: PolicyName;
  /** Seed of the key hash; random unless a test wants to see the same layout twice. */
  readonly seed?: HashSeed;
  /** Bytes of a segment, a power of two from 1 KiB to 1 MiB; small ones make tests meet every edge soon. */
  readonly segmentBytes?: number;
}

/** Kept for copies of values; a longer value gets an array of its own. */
const SCRATCH_BYTES = 64 * 1024;

/** A {@linkcode Store} in memory. */
export class Engine implements Store {
  /** Past the journal: for loading, and for taking changes back. */
  readonly replay: Replay;
  readonly #table: EntryTable;
  readonly #entries: Entries;
  /** The table for changes: what is done there is told. */
  readonly #journaled: JournaledTable;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #range = new ByteRange();

  /** @throws RangeError if the limit is below 1 MiB */
  constructor(options: EngineOptions = {}) {
    const { clock = systemClock, maxMemoryBytes = Infinity, policy = "s3-fifo", seed = randomSeed() } = options;
    if (!(maxMemoryBytes >= MIN_MAX_MEMORY_BYTES)) {
      throw new RangeError(
        `Cannot use a limit of ${maxMemoryBytes} bytes: it must be at least ${MIN_MAX_MEMORY_BYTES}`,
      );
    }
    this.#table = new EntryTable({ clock, maxMemoryBytes, policy, seed, segmentBytes: options.segmentBytes });
    this.#entries = this.#table.entries;
    this.#journaled = new JournaledTable(this.#table);
    this.replay = new Replay(this.#table);
  }

  /** Told of every change from now on; nobody by default. To be changed between two turns of the event loop. */
  get journal(): Journal | undefined {
    return this.#journaled.journal;
  }

  set journal(journal: Journal | undefined) {
    this.#journaled.journal = journal;
  }

  /**
   * Begins a snapshot: gives somebody all entries as they are at this moment, each once, while they go on changing. What
   * has expired, or is being cleared, is none of them.
   *
   * @throws Error while another snapshot is under way
   */
  beginSnapshot(sink: SnapshotSink): Snapshot {
    return this.#table.snapshots.begin(sink);
  }

  get onWork(): (() => void) | undefined {
    return this.#table.onWork;
  }

  set onWork(callback: (() => void) | undefined) {
    this.#table.onWork = callback;
  }

  get(key: ByteRange, value: ByteRange): boolean {
    return this.#table.lookup(key, value);
  }

  exists(key: ByteRange): boolean {
    return this.#table.findLiving(this.#table.hash(key), key) !== 0;
  }

  set(key: ByteRange, value: ByteRange, ttlMs: number): void {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    this.#journaled.put(hash, this.#table.find(hash, key), key, value, this.#table.time.expiryIn(ttlMs));
  }

  add(key: ByteRange, value: ByteRange, ttlMs: number): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.find(hash, key);
    if (this.#table.isLiving(present)) return false;
    this.#journaled.put(hash, present, key, value, this.#table.time.expiryIn(ttlMs));
    return true;
  }

  replace(key: ByteRange, value: ByteRange, ttlMs: number): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.findLiving(hash, key);
    if (present === 0) return false;
    this.#journaled.put(hash, present, key, value, this.#table.time.expiryIn(ttlMs));
    return true;
  }

  swap(key: ByteRange, value: ByteRange, ttlMs: number, previous: ByteRange): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.find(hash, key);
    const wasLiving = this.#table.isLiving(present);
    if (wasLiving) this.#copyOut(present, previous);
    this.#journaled.put(hash, present, key, value, this.#table.time.expiryIn(ttlMs));
    return wasLiving;
  }

  take(key: ByteRange, value: ByteRange): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const address = this.#table.findLiving(hash, key);
    if (!this.#table.read(address, value)) return false;
    this.#copyOut(address, value);
    this.#journaled.remove(hash, address, key);
    return true;
  }

  delete(key: ByteRange): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const address = this.#table.find(hash, key);
    if (address === 0) return false;
    const wasLiving = this.#table.isLiving(address);
    this.#journaled.remove(hash, address, key);
    return wasLiving;
  }

  touch(key: ByteRange, ttlMs: number): boolean {
    this.#journaled.check();
    const address = this.#table.findLiving(this.#table.hash(key), key);
    if (address !== 0) this.#journaled.setExpiry(address, key, this.#table.time.expiryIn(ttlMs));
    return address !== 0;
  }

  getAndTouch(key: ByteRange, ttlMs: number, value: ByteRange): boolean {
    this.#journaled.check();
    const address = this.#table.findLiving(this.#table.hash(key), key);
    if (address !== 0) this.#journaled.setExpiry(address, key, this.#table.time.expiryIn(ttlMs));
    return this.#table.read(address, value);
  }

  ttlMs(key: ByteRange): number {
    const address = this.#table.findLiving(this.#table.hash(key), key);
    if (address === 0) return -2;
    const expiry = this.#entries.expiryOf(address);
    return expiry === 0 ? -1 : this.#table.time.timeTo(expiry);
  }

  increment(key: ByteRange, delta: Integer, ttlMs: number): Integer {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.findLiving(hash, key);
    const old = present === 0 ? 0 : this.#numberOf(present);
    if (old === undefined) throw new CryptomemError("NOT_INTEGER", "value is not an integer or out of range");
    const sum = addIntegers(old, delta);
    if (sum === undefined) throw new CryptomemError("OVERFLOW", "increment or decrement would overflow");
    this.#range.point(this.#scratch, 0, writeInteger(sum, this.#scratch, 0));
    this.#putKeeping(hash, present, key, this.#range, ttlMs);
    return sum;
  }

  append(key: ByteRange, tail: ByteRange): number {
    const present = this.#table.findLiving(this.#table.hash(key), key);
    return this.setRange(key, present === 0 ? 0 : this.#entries.valueLengthOf(present), tail);
  }

  setRange(key: ByteRange, offset: number, part: ByteRange): number {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.findLiving(hash, key);
    const oldLength = present === 0 ? 0 : this.#entries.valueLengthOf(present);
    const length = Math.max(oldLength, offset + part.length);
    const bytes = length <= SCRATCH_BYTES ? this.#scratch : new Uint8Array(length);
    if (present !== 0) {
      this.#entries.point(present, this.#range);
      copyBytes(this.#range.bytes, this.#range.start, bytes, 0, oldLength);
    }
    if (offset > oldLength) bytes.fill(0, oldLength, offset);
    copyBytes(part.bytes, part.start, bytes, offset, part.length);
    this.#range.point(bytes, 0, length);
    this.#putKeeping(hash, present, key, this.#range, 0);
    return length;
  }

  update(key: ByteRange, value: ByteRange): void {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    this.#putKeeping(hash, this.#table.findLiving(hash, key), key, value, 0);
  }

  admit(key: ByteRange): void {
    this.#table.checkKey(key);
  }

  reserve(entries: number, keyAndValueBytes: number): void {
    this.#journaled.check();
    this.#table.reserve(entries, keyAndValueBytes);
  }

  getVersioned(key: ByteRange, value: ByteRange): number {
    const address = this.#table.findLiving(this.#table.hash(key), key);
    return this.#table.read(address, value) ? this.#entries.versionOf(address) : 0;
  }

  version(key: ByteRange): number {
    const address = this.#table.findLiving(this.#table.hash(key), key);
    return address === 0 ? 0 : this.#entries.versionOf(address);
  }

  compareAndSet(key: ByteRange, expected: number, value: ByteRange, ttlMs: number): number {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const present = this.#table.find(hash, key);
    const actual = this.#table.isLiving(present) ? this.#entries.versionOf(present) : 0;
    if (actual !== expected) return 0 - actual;
    return this.#journaled.put(hash, present, key, value, this.#table.time.expiryIn(ttlMs));
  }

  rename(key: ByteRange, newKey: ByteRange): boolean {
    this.#journaled.check();
    const hash = this.#table.hash(key);
    const address = this.#table.findLiving(hash, key);
    if (address !== 0 && !this.#entries.matches(address, newKey)) {
      this.#journaled.rename(hash, address, key, newKey);
    }
    return address !== 0;
  }

  atomically<Result>(work: () => Result, expectedBytes: number = 0): Result {
    return this.#journaled.atomically(work, expectedBytes);
  }

  scan(cursor: number, count: number, prefix: Uint8Array, visit: (key: ByteRange) => void): number {
    let left = count, position = cursor;
    do {
      position = this.#table.walk(position, (address) => {
        left--;
        if (!this.#table.isLiving(address) || !this.#entries.startsWith(address, prefix)) return;
        this.#entries.pointKey(address, this.#range);
        visit(this.#range);
      });
      // An empty bucket counts too, or a nearly empty index would be walked in one go.
      left--;
    } while (position !== 0 && left > 0);
    return position;
  }

  clear(prefix: Uint8Array): Promise<number> {
    this.#journaled.check();
    return this.#journaled.clear(prefix);
  }

  tidy(maxSteps: number): boolean {
    return this.#table.tidy(maxSteps);
  }

  stats(): StoreStats {
    return this.#table.stats();
  }

  sealing(): SealingStats {
    return this.#table.sealing();
  }

  /**
   * Walks every structure and compares them with each other. For tests: costs time in proportion to all entries.
   *
   * @throws Error at the first thing that does not fit
   */
  verify(): void {
    this.#table.verify();
  }

  /** The number that a value's digits stand for; `undefined` if they stand for none. */
  #numberOf(address: number): Integer | undefined {
    this.#entries.point(address, this.#range);
    return parseInteger(this.#range);
  }

  /** Points at a copy of a value whose entry is about to change or go. */
  #copyOut(address: number, value: ByteRange): void {
    this.#entries.point(address, value);
    const { length } = value;
    const copy = length <= SCRATCH_BYTES ? this.#scratch : new Uint8Array(length);
    copyBytes(value.bytes, value.start, copy, 0, length);
    value.point(copy, 0, length);
  }

  /** Stores a value under the expiry that is there, or a new one if nothing is. */
  #putKeeping(hash: number, present: number, key: ByteRange, value: ByteRange, ttlMs: number): void {
    if (present !== 0 && this.#journaled.rewrite(present, key, value)) return;
    // What counts as missing may be there all the same, expired, and its place can be used.
    const replaced = present === 0 ? this.#table.find(hash, key) : present;
    const expiry = present === 0 ? this.#table.time.expiryIn(ttlMs) : this.#entries.expiryOf(present);
    this.#journaled.put(hash, replaced, key, value, expiry);
  }
}
