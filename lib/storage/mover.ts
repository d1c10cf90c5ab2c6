/**
 * Moves an entry to other memory and tells everybody who knows it by its address.
 *
 * @module
 */

import type { Arena, Stream } from "./arena.ts";
import type { Entries } from "./entries.ts";
import { hasExpiry, markDead } from "./entry.ts";
import type { EvictionPolicy } from "./eviction/policy.ts";
import type { KeyIndex } from "./key_index.ts";
import type { TimingWheel } from "./timing_wheel.ts";

const BYTES_PER_WORD = 4;

/** Moves entries. */
export class Mover {
  /** Set once the policy exists, which needs the mover itself. */
  policy!: EvictionPolicy;
  readonly #arena: Arena;
  readonly #index: KeyIndex;
  readonly #wheel: TimingWheel;
  readonly #entries: Entries;

  constructor(arena: Arena, index: KeyIndex, wheel: TimingWheel, entries: Entries) {
    this.#arena = arena;
    this.#index = index;
    this.#wheel = wheel;
    this.#entries = entries;
  }

  /** Moves an entry to the front of a stream. */
  move(oldAddress: number, stream: Stream): void {
    const source = this.#arena.segmentOf(oldAddress), from = this.#arena.wordOf(oldAddress);
    const sizeBytes = this.#entries.sizeAt(source.words, from);
    const newAddress = this.#arena.allocate(sizeBytes, stream);
    const target = this.#arena.segmentOf(newAddress), to = this.#arena.wordOf(newAddress);
    const start = from * BYTES_PER_WORD;
    target.bytes.set(source.bytes.subarray(start, start + sizeBytes), to * BYTES_PER_WORD);
    this.#index.replace(this.#entries.hashOf(newAddress), oldAddress, newAddress);
    if (hasExpiry(target.words, to)) this.#wheel.moved(newAddress);
    this.policy.moved(oldAddress, newAddress);
    markDead(source.words, from);
    this.#arena.free(oldAddress, sizeBytes);
  }
}
