/**
 * What an engine holds and what has become of its entries, counted as it happens.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Arena } from "./arena.ts";
import type { EvictionPolicy } from "./eviction/policy.ts";
import type { KeyIndex } from "./key_index.ts";
import { KeyIdCounts } from "./key_id_counts.ts";
import type { Room } from "./room.ts";
import type { SealingStats, StoreStats } from "./store.ts";

/** The parts of an engine that count for themselves. */
export interface CountedParts {
  readonly arena: Arena;
  readonly index: KeyIndex;
  readonly policy: EvictionPolicy;
  readonly room: Room;
}

/** All other counts. Values are given where they lie. */
export class Tally {
  /** Lookups that found an entry, and those that did not. */
  hits = 0;
  misses = 0;
  /** Entries that went because their time had come, and those that went to make room. */
  expired = 0;
  evicted = 0;
  /** Writes without room. */
  refused = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  readonly #keyIds = new KeyIdCounts();
  readonly #parts: CountedParts;

  constructor(parts: CountedParts) {
    this.#parts = parts;
  }

  /** An entry has come. */
  added(keyLength: number, value: ByteRange): void {
    this.#keyBytes += keyLength;
    this.#valueBytes += value.length;
    this.#keyIds.add(value.bytes, value.start, value.length);
  }

  /** An entry's value, which still lies there, is about to be overwritten. */
  changed(bytes: Uint8Array, start: number, length: number, value: ByteRange): void {
    this.#valueBytes += value.length - length;
    this.#keyIds.replace(bytes, start, length, value);
  }

  /** An entry, whose value still lies there, goes. */
  removed(keyLength: number, bytes: Uint8Array, start: number, length: number): void {
    this.#keyBytes -= keyLength;
    this.#valueBytes -= length;
    this.#keyIds.remove(bytes, start, length);
  }

  /** {@linkcode Store.stats}. */
  stats(): StoreStats {
    const { arena, index, policy, room } = this.#parts;
    const { liveBytes, takenBytes } = arena;
    return {
      entries: index.size,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      overheadBytes: liveBytes - this.#keyBytes - this.#valueBytes,
      freeBytes: takenBytes - liveBytes,
      segmentBytes: takenBytes,
      indexBytes: index.bytes,
      policyBytes: policy.bytes,
      memoryBytes: room.memoryBytes,
      maxMemoryBytes: room.maxBytes,
      policy: policy.name,
      hits: this.hits,
      misses: this.misses,
      expired: this.expired,
      evicted: this.evicted,
      refused: this.refused,
      indexLoad: index.load,
      longestProbe: index.longestChain,
    };
  }

  /** {@linkcode Store.sealing}: what was sealed with no key was not sealed. */
  sealing(): SealingStats {
    const { keys, others } = this.#keyIds;
    let entries = this.#parts.index.size - others.entries, bytes = this.#valueBytes - others.bytes;
    for (const key of keys) {
      entries -= key.entries;
      bytes -= key.bytes;
    }
    return { keys, otherKeys: others, unsealed: { entries, bytes } };
  }
}
