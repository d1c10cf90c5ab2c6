/**
 * Load for an engine, without network and protocol: 16-byte keys, 100-byte values, each operation over all entries.
 * What the loops do besides calling the engine costs a few nanoseconds an operation.
 *
 * @module
 */

import { ByteRange, copyBytes, utf8 } from "../lib/bytes.ts";
import { systemClock, turnClock } from "../lib/clock.ts";
import { Engine } from "../lib/storage/engine.ts";

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const HOUR_MS = 3_600_000;
/** Steps through the milliseconds of an hour in an order that repeats none of them soon. */
const TTL_STEP_MS = 9_973;

/** An engine, and keys and a value to load it with. */
export class EngineLoad {
  readonly engine: Engine;
  readonly #count: number;
  readonly #withTtl: boolean;
  readonly #keys: Uint8Array;
  /** Every entry once, in an order that no cache can guess. */
  readonly #order: Uint32Array;
  readonly #key = new ByteRange();
  readonly #found = new ByteRange();
  readonly #value = ByteRange.of(new Uint8Array(VALUE_BYTES).fill(0x76));
  readonly #copy = new Uint8Array(VALUE_BYTES);
  #sets = 0;

  constructor(count: number, withTtl: boolean) {
    // The clock that serve() gives to its engine.
    this.engine = new Engine({ clock: turnClock(systemClock) });
    this.#count = count;
    this.#withTtl = withTtl;
    this.#keys = new Uint8Array(count * KEY_BYTES);
    for (let i = 0; i < count; i++) this.#keys.set(utf8(`key:${String(i).padStart(12, "0")}`), i * KEY_BYTES);
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
    for (let i = 0; i < this.#count; i++) this.set(i);
  }

  getAll(): void {
    for (let i = 0; i < this.#count; i++) this.#get(this.#order[i]!);
  }

  getAndCopyAll(): void {
    const found = this.#found, copy = this.#copy;
    for (let i = 0; i < this.#count; i++) {
      this.#get(this.#order[i]!);
      copyBytes(found.bytes, found.start, copy, 0, found.length);
    }
  }

  setAll(): void {
    for (let i = 0; i < this.#count; i++) this.set(this.#order[i]!);
  }

  deleteAll(): void {
    for (let i = 0; i < this.#count; i++) {
      this.#key.point(this.#keys, this.#order[i]! * KEY_BYTES, KEY_BYTES);
      if (!this.engine.delete(this.#key)) throw new Error(`Cannot delete entry ${i}: it is not there`);
    }
  }

  set(i: number): void {
    this.#key.point(this.#keys, i * KEY_BYTES, KEY_BYTES);
    // Another expiry every time, so that the entry moves to another list.
    this.engine.set(this.#key, this.#value, this.#withTtl ? HOUR_MS + (this.#sets++ * TTL_STEP_MS) % HOUR_MS : 0);
  }

  #get(i: number): void {
    this.#key.point(this.#keys, i * KEY_BYTES, KEY_BYTES);
    if (!this.engine.get(this.#key, this.#found)) throw new Error(`Cannot get entry ${i}: it is not there`);
  }
}
