/**
 * A store that keeps what it is given and gives back what it likes: behind a real server, the malicious one of
 * docs/security.md. It also keeps everything that was ever stored, as such a server would.
 *
 * @module
 */

import { ByteRange, textOf } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import type { Store } from "../../lib/storage/store.ts";

/** Makes the answer of what is stored under a key. */
export type Lie = (value: Uint8Array, key: string, store: LyingStore) => Uint8Array;

/** Tells the truth until it is given a lie. */
export class LyingStore extends Engine implements Store {
  lie: Lie = (value) => value;
  /** All values ever stored, in order. */
  readonly history: { readonly key: string; readonly value: Uint8Array }[] = [];

  override set(key: ByteRange, value: ByteRange, ttlMs: number): void {
    this.#remember(key, value);
    super.set(key, value, ttlMs);
  }

  override add(key: ByteRange, value: ByteRange, ttlMs: number): boolean {
    this.#remember(key, value);
    return super.add(key, value, ttlMs);
  }

  override compareAndSet(key: ByteRange, expected: number, value: ByteRange, ttlMs: number): number {
    this.#remember(key, value);
    return super.compareAndSet(key, expected, value, ttlMs);
  }

  override get(key: ByteRange, value: ByteRange): boolean {
    return super.get(key, value) && this.#tell(key, value);
  }

  override take(key: ByteRange, value: ByteRange): boolean {
    return super.take(key, value) && this.#tell(key, value);
  }

  override getVersioned(key: ByteRange, value: ByteRange): number {
    const version = super.getVersioned(key, value);
    if (version !== 0) this.#tell(key, value);
    return version;
  }

  /** What is really stored. */
  truth(key: string): Uint8Array | undefined {
    const value = new ByteRange();
    return super.get(ByteRange.of(new TextEncoder().encode(key)), value) ? value.copy() : undefined;
  }

  #remember(key: ByteRange, value: ByteRange): void {
    this.history.push({ key: textOf(key.copy()), value: value.copy() });
  }

  #tell(key: ByteRange, value: ByteRange): boolean {
    const told = this.lie(value.copy(), textOf(key.copy()), this);
    value.point(told, 0, told.length);
    return true;
  }
}
