/**
 * Least frequently used, with dynamic aging (LFU-DA; Arlitt, Cherkasova, Dilley, Friedrich and Jin, "Evaluating
 * content management techniques for Web proxy caches", 2000): an entry's rank is the number of its uses on top of the
 * rank of what was last evicted, so that what was popular once does not stay for ever.
 *
 * 256 lists in a ring, one for each rank above the lowest, give constant time (after Shah, Mitra and Matani, "An O(1)
 * algorithm for implementing the LFU cache eviction scheme", 2010). Keeps two links (8 bytes) and the rank (its byte of
 * the header) for an entry. More than 255 uses above the lowest rank count as 255.
 *
 * @module
 */

import { Stream } from "../arena.ts";
import { policyByte, setPolicyByte } from "../entry.ts";
import { EntryLists } from "./entry_lists.ts";
import type { EvictionHost, EvictionPolicy } from "./policy.ts";

const RANKS = 256;
const RANK_MASK = RANKS - 1;

/** Evicts what has been used least often, counted from when it was worth keeping. */
export class LfuPolicy implements EvictionPolicy {
  readonly name = "lfu";
  readonly keepsLinks = true;
  readonly bytes = 0;
  readonly plannedBytes = 0;
  readonly #host: EvictionHost;
  readonly #lists: EntryLists;
  /** The lowest rank that may be in use, modulo 256. */
  #lowest = 0;
  #size = 0;

  constructor(host: EvictionHost) {
    this.#host = host;
    this.#lists = new EntryLists(host.arena, RANKS);
  }

  streamFor(): Stream {
    return Stream.FIRST;
  }

  added(address: number, replaced: number): void {
    this.#size++;
    // A first use is one above what is being evicted; a value written anew keeps the uses of the one before.
    const rank = replaced === 0 ? this.#lowest + 1 & RANK_MASK : this.#above(this.#rankOf(replaced));
    this.#setRank(address, rank);
    this.#lists.pushFront(rank, address);
  }

  used(address: number): void {
    const rank = this.#rankOf(address);
    const above = this.#above(rank);
    this.#lists.remove(rank, address);
    this.#setRank(address, above);
    this.#lists.pushFront(above, address);
  }

  removed(address: number): void {
    this.#size--;
    this.#lists.remove(this.#rankOf(address), address);
  }

  moved(_oldAddress: number, newAddress: number): void {
    this.#lists.moved(this.#rankOf(newAddress), newAddress);
  }

  evict(): number {
    if (this.#size === 0) return 0;
    // The ring is never walked round: some entry has a rank within 255 of the lowest.
    while (this.#lists.last(this.#lowest) === 0) this.#lowest = this.#lowest + 1 & RANK_MASK;
    return this.#host.evict(this.#lists.last(this.#lowest));
  }

  listed(): Iterable<number> {
    return this.#lists.addresses();
  }

  /** The next rank, unless it would meet the lowest one from behind. */
  #above(rank: number): number {
    const above = rank + 1 & RANK_MASK;
    return above === this.#lowest ? rank : above;
  }

  #rankOf(address: number): number {
    return policyByte(this.#host.arena.segmentOf(address).words, this.#host.arena.wordOf(address));
  }

  #setRank(address: number, rank: number): void {
    setPolicyByte(this.#host.arena.segmentOf(address).words, this.#host.arena.wordOf(address), rank);
  }
}
