/**
 * Load for an engine, without network and protocol: 16-byte keys, 100-byte values, each operation over all keys. What
 * the loops do besides calling the engine costs a few nanoseconds an operation.
 *
 * @module
 */

import { ByteRange, copyBytes, utf8 } from "../lib/bytes.ts";
import { systemClock, turnClock } from "../lib/clock.ts";
import { Engine } from "../lib/storage/engine.ts";
import type { PolicyName } from "../lib/storage/eviction/policy.ts";
import { KEY_BYTES, VALUE_BYTES, writeKey } from "./tested_cache.ts";

const HOUR_MS = 3_600_000;
/** Steps through the milliseconds of an hour in an order that repeats none of them soon. */
const TTL_STEP_MS = 9_973;

/** What an engine is loaded with, and its limit. */
export interface LoadOptions {
  /** How many keys there are. */
  readonly count: number;
  /** Whether entries get an expiry, another one at every set. */
  readonly withTtl?: boolean;
  readonly maxMemoryBytes?: number;
  readonly policy?: PolicyName;
}

/** An engine, and keys and a value to load it with. */
export class EngineLoad {
  readonly engine: Engine;
  readonly count: number;
  readonly #withTtl: boolean;
  readonly #keys: Uint8Array;
  /** Every key once, in an order that no cache can guess. */
  readonly #order: Uint32Array;
  readonly #key = new ByteRange();
  readonly #found = new ByteRange();
  readonly #value = ByteRange.of(new Uint8Array(VALUE_BYTES).fill(0x76));
  readonly #copy = new Uint8Array(VALUE_BYTES);
  #sets = 0;

  constructor({ count, withTtl = false, maxMemoryBytes = Infinity, policy = "s3-fifo" }: LoadOptions) {
    // The clock that serve() gives to its engine.
    this.engine = new Engine({ clock: turnClock(systemClock), maxMemoryBytes, policy });
    this.count = count;
    this.#withTtl = withTtl;
    this.#keys = new Uint8Array(count * KEY_BYTES);
    const key = utf8("key:".padEnd(KEY_BYTES, "0"));
    for (let i = 0; i < count; i++) {
      writeKey(i, key, 0);
      this.#keys.set(key, i * KEY_BYTES);
    }
    this.#order = Uint32Array.from({ length: count }, (_, i) => i);
    this.shuffle();
  }

  /**
   * Draws another order (Fisher and Yates). Two passes in the same one would help each other: entries that were set
   * one after the other are neighbours in the lists of expiries.
   */
  shuffle(): void {
    const order = this.#order;
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
  }

  insertAll(): void {
    for (let i = 0; i < this.count; i++) this.set(i);
  }

  getAll(): void {
    for (let i = 0; i < this.count; i++) {
      if (!this.get(this.#order[i]!)) throw new Error(`Cannot get entry ${this.#order[i]}: it is not there`);
    }
  }

  getAndCopyAll(): void {
    const found = this.#found, copy = this.#copy;
    for (let i = 0; i < this.count; i++) {
      this.get(this.#order[i]!);
      copyBytes(found.bytes, found.start, copy, 0, found.length);
    }
  }

  setAll(): void {
    for (let i = 0; i < this.count; i++) this.set(this.#order[i]!);
  }

  /** Counts under every key; what is missing begins at 1. */
  incrementAll(): void {
    for (let i = 0; i < this.count; i++) {
      this.#point(this.#order[i]!);
      this.engine.increment(this.#key, 1, 0);
    }
  }

  deleteAll(): void {
    for (let i = 0; i < this.count; i++) {
      this.#point(this.#order[i]!);
      if (!this.engine.delete(this.#key)) throw new Error(`Cannot delete entry ${this.#order[i]}: it is not there`);
    }
  }

  /** Sets one key, with an expiry that it has not had yet or the one given. */
  set(i: number, ttlMs = this.#nextTtlMs()): void {
    this.#point(i);
    this.engine.set(this.#key, this.#value, ttlMs);
  }

  /** Gets one key. Returns whether it was there. */
  get(i: number): boolean {
    this.#point(i);
    return this.engine.get(this.#key, this.#found);
  }

  /** Another expiry every time, so that the entry moves to another list. */
  #nextTtlMs(): number {
    return this.#withTtl ? HOUR_MS + (this.#sets++ * TTL_STEP_MS) % HOUR_MS : 0;
  }

  #point(i: number): void {
    this.#key.point(this.#keys, i * KEY_BYTES, KEY_BYTES);
  }
}
