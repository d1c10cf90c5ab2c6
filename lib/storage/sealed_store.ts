/**
 * A store that takes sealed values only, in front of one that takes all: the one place where a server enforces its
 * {@linkcode SealingRule}, whatever dialect and command a value comes with. What reads, removes or expires goes through.
 *
 * A value is looked at before anything else is: whether there is an entry, or room, is not asked for a value that may not
 * be stored. What was in the store before stays as it is.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import type { Integer } from "../integer.ts";
import type { SealingRule } from "./sealing_rule.ts";
import type { SealingStats, Store, StoreStats } from "./store.ts";

/** Keeps plain values out. What stores throws CryptomemError `SEALED_ONLY` for those, and nothing has changed. */
export class SealedStore implements Store {
  readonly #store: Store;
  readonly #rule: SealingRule;
  readonly #moved = new ByteRange();

  constructor(store: Store, rule: SealingRule) {
    this.#store = store;
    this.#rule = rule;
  }

  get onWork(): (() => void) | undefined {
    return this.#store.onWork;
  }

  set onWork(callback: (() => void) | undefined) {
    this.#store.onWork = callback;
  }

  get(key: ByteRange, value: ByteRange): boolean {
    return this.#store.get(key, value);
  }

  exists(key: ByteRange): boolean {
    return this.#store.exists(key);
  }

  set(key: ByteRange, value: ByteRange, ttlMs: number): void {
    this.#check(key, value);
    this.#store.set(key, value, ttlMs);
  }

  add(key: ByteRange, value: ByteRange, ttlMs: number): boolean {
    this.#check(key, value);
    return this.#store.add(key, value, ttlMs);
  }

  replace(key: ByteRange, value: ByteRange, ttlMs: number): boolean {
    this.#check(key, value);
    return this.#store.replace(key, value, ttlMs);
  }

  swap(key: ByteRange, value: ByteRange, ttlMs: number, previous: ByteRange): boolean {
    this.#check(key, value);
    return this.#store.swap(key, value, ttlMs, previous);
  }

  take(key: ByteRange, value: ByteRange): boolean {
    return this.#store.take(key, value);
  }

  delete(key: ByteRange): boolean {
    return this.#store.delete(key);
  }

  touch(key: ByteRange, ttlMs: number): boolean {
    return this.#store.touch(key, ttlMs);
  }

  getAndTouch(key: ByteRange, ttlMs: number, value: ByteRange): boolean {
    return this.#store.getAndTouch(key, ttlMs, value);
  }

  ttlMs(key: ByteRange): number {
    return this.#store.ttlMs(key);
  }

  increment(key: ByteRange, delta: Integer, ttlMs: number): Integer {
    if (!this.#rule.admitsNumbers(key)) {
      throw refusal(
        "count",
        "under this key only sealed values are taken; list its prefix in --counters to count here",
      );
    }
    return this.#store.increment(key, delta, ttlMs);
  }

  append(key: ByteRange, tail: ByteRange): number {
    this.#checkPart(key);
    return this.#store.append(key, tail);
  }

  setRange(key: ByteRange, offset: number, part: ByteRange): number {
    this.#checkPart(key);
    return this.#store.setRange(key, offset, part);
  }

  update(key: ByteRange, value: ByteRange): void {
    this.#check(key, value);
    this.#store.update(key, value);
  }

  rename(key: ByteRange, newKey: ByteRange): boolean {
    if (this.#rule.isSealedOnly(newKey) && this.#store.get(key, this.#moved)) this.#check(newKey, this.#moved);
    return this.#store.rename(key, newKey);
  }

  atomically<Result>(work: () => Result, expectedBytes?: number): Result {
    return this.#store.atomically(work, expectedBytes);
  }

  admit(key: ByteRange, value: ByteRange): void {
    this.#check(key, value);
    this.#store.admit(key, value);
  }

  reserve(entries: number, keyAndValueBytes: number): void {
    this.#store.reserve(entries, keyAndValueBytes);
  }

  getVersioned(key: ByteRange, value: ByteRange): number {
    return this.#store.getVersioned(key, value);
  }

  version(key: ByteRange): number {
    return this.#store.version(key);
  }

  compareAndSet(key: ByteRange, expected: number, value: ByteRange, ttlMs: number): number {
    this.#check(key, value);
    return this.#store.compareAndSet(key, expected, value, ttlMs);
  }

  scan(cursor: number, count: number, prefix: Uint8Array, visit: (key: ByteRange) => void): number {
    return this.#store.scan(cursor, count, prefix, visit);
  }

  clear(prefix: Uint8Array): Promise<number> {
    return this.#store.clear(prefix);
  }

  tidy(maxSteps: number): boolean {
    return this.#store.tidy(maxSteps);
  }

  stats(): StoreStats {
    return this.#store.stats();
  }

  sealing(): SealingStats {
    return this.#store.sealing();
  }

  #check(key: ByteRange, value: ByteRange): void {
    if (this.#rule.admits(key, value)) return;
    throw this.#rule.admitsNumbers(key)
      ? refusal(
        "store the value",
        "under this key only sealed values and whole numbers are taken; seal it with the SDK",
      )
      : refusal(
        "store the value",
        "under this key only sealed values are taken; seal it with the SDK, or list the key's prefix in --counters if " +
          "it counts something",
      );
  }

  #checkPart(key: ByteRange): void {
    if (!this.#rule.isSealedOnly(key)) return;
    throw refusal("change a part", "under this key only sealed values are taken, and these as a whole; use the SDK");
  }
}

function refusal(act: string, state: string): CryptomemError {
  return new CryptomemError("SEALED_ONLY", `Cannot ${act}: ${state}`);
}
