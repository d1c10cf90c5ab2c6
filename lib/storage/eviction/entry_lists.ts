/**
 * Doubly linked lists that run through the entries' headers: the links cost no memory beside the entry, and an entry
 * leaves its list in constant time.
 *
 * @module
 */

import type { Arena } from "../arena.ts";
import { policyNext, policyPrevious, setPolicyNext, setPolicyPrevious } from "../entry.ts";

/** Some lists over the same entries; an entry is in at most one of them. */
export class EntryLists {
  readonly #arena: Arena;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;

  /** @param count how many lists, all empty */
  constructor(arena: Arena, count: number) {
    this.#arena = arena;
    this.#heads = new Int32Array(count);
    this.#tails = new Int32Array(count);
  }

  /** The last entry of a list, 0 = none. */
  last(list: number): number {
    return this.#tails[list]!;
  }

  /** Puts an entry that is in no list at the front of one. */
  pushFront(list: number, address: number): void {
    const head = this.#heads[list]!;
    this.#setPrevious(address, 0);
    this.#setNext(address, head);
    if (head === 0) this.#tails[list] = address;
    else this.#setPrevious(head, address);
    this.#heads[list] = address;
  }

  /** Takes an entry out of the list it is in. */
  remove(list: number, address: number): void {
    const previous = this.#previous(address), next = this.#next(address);
    if (previous === 0) this.#heads[list] = next;
    else this.#setNext(previous, next);
    if (next === 0) this.#tails[list] = previous;
    else this.#setPrevious(next, previous);
  }

  /** Tells that an entry lies elsewhere now, its links copied. */
  moved(list: number, newAddress: number): void {
    const previous = this.#previous(newAddress), next = this.#next(newAddress);
    if (previous === 0) this.#heads[list] = newAddress;
    else this.#setNext(previous, newAddress);
    if (next === 0) this.#tails[list] = newAddress;
    else this.#setPrevious(next, newAddress);
  }

  /** Whether an entry is the first of a list. */
  isFirst(list: number, address: number): boolean {
    return this.#heads[list] === address;
  }

  /** The entries of all lists, each list from its front. */
  *addresses(): Generator<number> {
    for (let address of this.#heads) {
      for (; address !== 0; address = this.#next(address)) yield address;
    }
  }

  #previous(address: number): number {
    return policyPrevious(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
  }

  #next(address: number): number {
    return policyNext(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
  }

  #setPrevious(address: number, previous: number): void {
    setPolicyPrevious(this.#arena.segmentOf(address).words, this.#arena.wordOf(address), previous);
  }

  #setNext(address: number, next: number): void {
    setPolicyNext(this.#arena.segmentOf(address).words, this.#arena.wordOf(address), next);
  }
}
