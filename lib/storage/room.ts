/**
 * Room for entries: the one place where memory is bounded. Before it hands out memory it sees to it that the store
 * stays within its limit, by compaction and, where that wins nothing, by the policy.
 *
 * The limit covers everything: segments, index, what the policy keeps. Two segments and a little for the index are held
 * back from entries, because moving entries takes memory before it gives any.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import type { Arena, Stream } from "./arena.ts";
import type { Compactor } from "./compactor.ts";
import type { EvictionPolicy } from "./eviction/policy.ts";
import type { KeyIndex } from "./key_index.ts";

/**
 * What a write pays towards compaction, in bytes moved for each byte written, so that the next segment is free by the
 * time it is needed rather than all at once then.
 */
const COMPACTED_BYTES_PER_BYTE = 16;
/** Bounds what one write pays, to some 100 µs. */
const MAX_COMPACTED_BYTES_PER_WRITE = 512 * 1024;
/** What is compacted between two looks whether it is enough. */
const COMPACTED_BYTES_PER_LOOK = 64 * 1024;
/** An insertion can make the index take a chunk for buckets and one for overflow. */
const INDEX_RESERVE_BYTES = 2 * 64 * 1024;
/** What entries that are stored together can make the index take, each: two splits, and an overflow bucket now and then. */
const INDEX_BYTES_PER_ENTRY = 128;
/** Of what entries take in segments, what the segments' tails take on top at worst: they are up to 1/16 (arena.ts). */
const TAILS_OF_ENTRIES = 1 / 15;
/** What is left unused in the segment that each stream was filling, and one that is being emptied. */
const SEGMENTS_BESIDE_ENTRIES = 3;
/** Segments being filled stay when they are empty, one for each stream. */
const ACTIVE_SEGMENTS = 2;
/** A bound has this many segments at least, so that the two held back are a small part of it. */
const SEGMENTS_OF_LIMIT = 64;
const MIN_SEGMENT_BYTES = 16 * 1024;

/** The smallest limit with which there is room for anything beside what is held back. */
export const MIN_MAX_MEMORY_BYTES = 1024 * 1024;

/** Bytes of a segment that suit a limit: a power of two, at most `largest`. */
export function segmentBytesFor(maxMemoryBytes: number, largest: number): number {
  let bytes = largest;
  while (bytes > MIN_SEGMENT_BYTES && bytes * SEGMENTS_OF_LIMIT > maxMemoryBytes) bytes /= 2;
  return bytes;
}

/** Hands out memory within a limit. */
export class Room {
  /** Limit of {@linkcode memoryBytes}; Infinity for none. */
  readonly maxBytes: number;
  /**
   * Whether memory is handed out beyond the limit too, and nothing is evicted: for entries that were there before, until
   * they are back. The next that is taken makes up for it.
   */
  isLenient = false;
  readonly #arena: Arena;
  readonly #index: KeyIndex;
  readonly #compactor: Compactor;
  readonly #policy: EvictionPolicy;
  readonly #reserveBytes: number;

  constructor(
    parts: { arena: Arena; index: KeyIndex; compactor: Compactor; policy: EvictionPolicy },
    maxBytes: number,
  ) {
    this.#arena = parts.arena;
    this.#index = parts.index;
    this.#compactor = parts.compactor;
    this.#policy = parts.policy;
    this.maxBytes = maxBytes;
    this.#reserveBytes = 2 * this.#arena.segmentBytes + INDEX_RESERVE_BYTES;
  }

  /** All memory taken from the system. */
  get memoryBytes(): number {
    return this.#arena.takenBytes + this.#index.bytes + this.#policy.bytes;
  }

  /**
   * Hands out memory for an entry. Entries may move or go meanwhile.
   *
   * @throws CryptomemError `OUT_OF_MEMORY` if there is none to be had
   */
  take(sizeBytes: number, stream: Stream): number {
    this.#compactor.step(Math.min(sizeBytes * COMPACTED_BYTES_PER_BYTE, MAX_COMPACTED_BYTES_PER_WRITE));
    if (this.maxBytes !== Infinity && !this.isLenient) this.#makeRoom(sizeBytes, stream);
    return this.#arena.allocate(sizeBytes, stream);
  }

  /**
   * Makes room for several entries of so many bytes together, whatever streams they go to and whatever is compacted
   * meanwhile, so that taking it does not fail.
   *
   * @throws CryptomemError `OUT_OF_MEMORY` if there is none to be had
   */
  reserve(entries: number, bytes: number): void {
    if (this.maxBytes === Infinity) return;
    const neededBytes = bytes * (1 + TAILS_OF_ENTRIES) + entries * INDEX_BYTES_PER_ENTRY + INDEX_RESERVE_BYTES +
      SEGMENTS_BESIDE_ENTRIES * this.#arena.segmentBytes;
    const limitBytes = this.#limitBytes();
    if (neededBytes + this.#index.bytes > limitBytes) {
      throw outOfMemory(`it takes ${bytes} bytes, more than the limit of ${this.maxBytes} allows`);
    }
    while (this.memoryBytes + neededBytes > limitBytes) this.#freeSome();
  }

  #makeRoom(sizeBytes: number, stream: Stream): void {
    const limitBytes = this.#limitBytes();
    // What is left when all that can go has gone. To find out by evicting would be to lose everything for nothing.
    const fixedBytes = this.#index.bytes + this.#policy.bytes + ACTIVE_SEGMENTS * this.#arena.segmentBytes;
    if (sizeBytes + fixedBytes > limitBytes) {
      throw outOfMemory(`it takes ${sizeBytes} bytes, more than the limit of ${this.maxBytes} allows`);
    }
    // When the next segment will not fit, each write looks at as much of the old as it adds of the new.
    if (this.memoryBytes + this.#arena.segmentBytes > limitBytes) this.#evict(sizeBytes);
    while (this.memoryBytes + this.#arena.neededBytes(sizeBytes, stream) > limitBytes) this.#freeSome();
  }

  #freeSome(): void {
    if (this.#arena.releaseSpare() || this.#compactor.step(COMPACTED_BYTES_PER_LOOK)) return;
    if (this.#policy.evict() > 0) return;
    throw outOfMemory(
      `the limit of ${this.maxBytes} bytes is reached and policy ${this.#policy.name} evicts nothing`,
    );
  }

  /**
   * What memory may grow to for entries. What the policy has not taken yet but may at once counts already, or one write
   * would have to make room for all of it (a third of a second for the ghosts of four million entries).
   */
  #limitBytes(): number {
    const { plannedBytes, bytes } = this.#policy;
    return this.maxBytes - this.#reserveBytes - Math.max(0, plannedBytes - bytes);
  }

  #evict(bytes: number): void {
    for (let left = bytes; left > 0;) {
      const looked = this.#policy.evict();
      if (looked === 0) return;
      left -= looked;
    }
  }
}

function outOfMemory(state: string): CryptomemError {
  return new CryptomemError("OUT_OF_MEMORY", `Cannot store the entry: ${state}`);
}
