/**
 * Least recently used: one list in order of use, exact. Keeps two links (8 bytes) for an entry.
 *
 * @module
 */

import { Stream } from "../arena.ts";
import { EntryLists } from "./entry_lists.ts";
import type { EvictionHost, EvictionPolicy } from "./policy.ts";

const LIST = 0;

/** Evicts what has not been used for the longest time. */
export class LruPolicy implements EvictionPolicy {
  readonly name = "lru";
  readonly keepsLinks = true;
  readonly bytes = 0;
  readonly plannedBytes = 0;
  readonly #host: EvictionHost;
  readonly #lists: EntryLists;

  constructor(host: EvictionHost) {
    this.#host = host;
    this.#lists = new EntryLists(host.arena, 1);
  }

  streamFor(): Stream {
    return Stream.FIRST;
  }

  added(address: number): void {
    this.#lists.pushFront(LIST, address);
  }

  used(address: number): void {
    if (this.#lists.isFirst(LIST, address)) return;
    this.#lists.remove(LIST, address);
    this.#lists.pushFront(LIST, address);
  }

  removed(address: number): void {
    this.#lists.remove(LIST, address);
  }

  moved(_oldAddress: number, newAddress: number): void {
    this.#lists.moved(LIST, newAddress);
  }

  evict(): number {
    const address = this.#lists.last(LIST);
    return address === 0 ? 0 : this.#host.evict(address);
  }

  listed(): Iterable<number> {
    return this.#lists.addresses();
  }
}
