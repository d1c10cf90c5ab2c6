/**
 * The seam between the engine and its eviction policies: which entry goes when there is no room.
 *
 * A policy works in constant time for each operation and never samples. What it keeps for an entry is the byte that
 * the entry's header has for it, two links in the header if it asks for them, and what it says under `bytes`.
 *
 * @module
 */

import type { Arena, Stream } from "../arena.ts";
import type { Entries } from "../entries.ts";
import type { KeyIndex } from "../key_index.ts";
import type { Mover } from "../mover.ts";
import type { TimingWheel } from "../timing_wheel.ts";

/** Names of the policies, as in the configuration. */
export const POLICY_NAMES = ["s3-fifo", "lru", "lfu", "ttl", "random", "none"] as const;

/** One of {@linkcode POLICY_NAMES}. */
export type PolicyName = typeof POLICY_NAMES[number];

/** What a policy may use of the engine. */
export interface EvictionHost {
  readonly arena: Arena;
  readonly entries: Entries;
  readonly index: KeyIndex;
  readonly wheel: TimingWheel;
  readonly mover: Mover;
  /** Removes an entry for good; the policy hears of it by `removed` like of any other removal. Returns its bytes. */
  evict(address: number): number;
}

/** Chooses what to evict. */
export interface EvictionPolicy {
  readonly name: PolicyName;
  /** Whether every entry's header has two links for it. */
  readonly keepsLinks: boolean;
  /** Bytes it takes beside the entries. */
  readonly bytes: number;
  /** Bytes it may come to take at once, with the entries there are: room that is kept for it. */
  readonly plannedBytes: number;

  /**
   * Where a new entry's memory is to come from.
   *
   * @param hash of its key
   * @param replaced the entry with the same key that it takes the place of, 0 = none
   */
  streamFor(hash: number, replaced: number): Stream;

  /** An entry was stored; the one it replaces, if any, is still there. */
  added(address: number, replaced: number, stream: Stream): void;

  /** An entry was read or written in place. */
  used(address: number, words: Int32Array, at: number): void;

  /** An entry is about to go, for whatever reason. */
  removed(address: number): void;

  /** An entry lies elsewhere now; its header is there already. */
  moved(oldAddress: number, newAddress: number): void;

  /**
   * Does a small step towards more room.
   *
   * @returns the bytes it looked at, 0 if there is nothing that could go
   */
  evict(): number;

  /** Every entry in its lists, for checking; `undefined` if it keeps none. */
  listed(): Iterable<number> | undefined;
}
