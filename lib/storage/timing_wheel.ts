/**
 * Knows which entries are due: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987) whose lists run through the
 * entries' own headers, so that an expiry costs no memory beside the entry and can be taken back in constant time.
 *
 * Four levels of 256 slots, the finest of 64 ms: 16 s, 70 min, 12 days, 8.7 years. An entry further away waits in the
 * last slot of the coarsest level and is filed again when that comes round. Filing is by the tick at which an entry is
 * due; that an entry is not returned a millisecond too long is the engine's promise, kept at every read: the wheel
 * only gives memory back.
 *
 * @module
 */

import type { Arena } from "./arena.ts";
import { expiryMs, nextInList, previousInList, setNextInList, setPreviousInList } from "./entry.ts";

const TICK_MS = 64;
const LEVELS = 4;
const SLOTS = 256;
const HORIZON_TICKS = SLOTS ** LEVELS;

/** Entries by the time at which they are due. */
export class TimingWheel {
  /** How many entries are filed. */
  size = 0;
  readonly #arena: Arena;
  /** First entry of every slot's list, 0 = empty. Slot `level * 256 + n`. */
  readonly #heads = new Int32Array(LEVELS * SLOTS);
  /** Every tick before this one has been emptied. */
  #tick = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Files an entry that is not filed, by the expiry in its header. */
  add(address: number): void {
    this.size++;
    this.#file(address);
  }

  /** Takes an entry out that is filed. */
  remove(address: number): void {
    const segment = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    this.size--;
    this.#link(previousInList(segment.words, at), nextInList(segment.words, at));
  }

  /** Tells that a filed entry lies at another address now, its header already copied there. */
  moved(newAddress: number): void {
    const segment = this.#arena.segmentOf(newAddress), at = this.#arena.wordOf(newAddress);
    const previous = previousInList(segment.words, at), next = nextInList(segment.words, at);
    this.#setNext(previous, newAddress);
    if (next !== 0) this.#setPrevious(next, newAddress);
  }

  /**
   * Gives out entries that are due, in the order of their ticks.
   *
   * @param nowMs on the scale of the entries' expiries
   * @param maxSteps how many entries and empty ticks to look at
   * @param expire must remove the entry, from here too
   * @returns whether more is due already
   */
  advance(nowMs: number, maxSteps: number, expire: (address: number) => void): boolean {
    const dueTick = Math.floor(nowMs / TICK_MS);
    let steps = 0;
    while (this.#tick < dueTick) {
      // Without entries there is nothing to visit, however long it has been.
      if (this.size === 0) {
        this.#tick = dueTick;
        return false;
      }
      for (let level = LEVELS - 1; level > 0; level--) {
        const span = SLOTS ** level;
        if (this.#tick % span !== 0) continue;
        const slot = level * SLOTS + this.#tick / span % SLOTS;
        // All in this slot are due within this level's span, so filing them again puts them lower, never back here.
        for (let address = this.#heads[slot]!; address !== 0; address = this.#heads[slot]!) {
          if (steps++ >= maxSteps) return true;
          this.remove(address);
          this.add(address);
        }
      }
      const slot = this.#tick % SLOTS;
      for (let address = this.#heads[slot]!; address !== 0; address = this.#heads[slot]!) {
        if (steps++ >= maxSteps) return true;
        expire(address);
      }
      this.#tick++;
      if (steps++ >= maxSteps) return this.#tick < dueTick;
    }
    return false;
  }

  /**
   * The entry to come next, 0 if none is filed; among those that share its slot, any. So it comes at most one slot of
   * the level it was filed on after another.
   */
  soonest(): number {
    let soonest = 0, soonestMs = Infinity;
    for (let level = 0; level < LEVELS && this.size > 0; level++) {
      const address = this.#firstOf(level);
      if (address === 0) continue;
      // What comes down from a coarser level next may be due before anything on the finer ones.
      const ms = expiryMs(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
      if (ms < soonestMs) soonest = address, soonestMs = ms;
    }
    return soonest;
  }

  /** Every filed entry: for checking. */
  *addresses(): Generator<number> {
    for (let address of this.#heads) {
      while (address !== 0) {
        yield address;
        address = nextInList(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
      }
    }
  }

  /** An entry of the first slot of a level that is not empty, 0 if all are. */
  #firstOf(level: number): number {
    const now = Math.floor(this.#tick / SLOTS ** level) % SLOTS;
    // On a coarser level, the slot where the wheel stands holds what comes a whole turn later, so it is the last.
    const first = level === 0 ? 0 : 1;
    for (let ahead = first; ahead < first + SLOTS; ahead++) {
      const address = this.#heads[level * SLOTS + (now + ahead) % SLOTS]!;
      if (address !== 0) return address;
    }
    return 0;
  }

  #file(address: number): void {
    const segment = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    const slot = this.#slotOf(Math.floor(expiryMs(segment.words, at) / TICK_MS));
    const next = this.#heads[slot]!;
    setPreviousInList(segment.words, at, ~slot);
    setNextInList(segment.words, at, next);
    if (next !== 0) this.#setPrevious(next, address);
    this.#heads[slot] = address;
  }

  #slotOf(dueTick: number): number {
    // What is overdue already goes where the wheel stands; what is too far away, as far as it can.
    const distance = Math.min(Math.max(dueTick - this.#tick, 0), HORIZON_TICKS - 1);
    const tick = this.#tick + distance;
    if (distance < SLOTS) return tick % SLOTS;
    if (distance < SLOTS ** 2) return SLOTS + Math.floor(tick / SLOTS) % SLOTS;
    if (distance < SLOTS ** 3) return 2 * SLOTS + Math.floor(tick / SLOTS ** 2) % SLOTS;
    return 3 * SLOTS + Math.floor(tick / SLOTS ** 3) % SLOTS;
  }

  #link(previous: number, next: number): void {
    this.#setNext(previous, next);
    if (next !== 0) this.#setPrevious(next, previous);
  }

  /** `previous` is an entry, or ~slot where the list begins. */
  #setNext(previous: number, next: number): void {
    if (previous < 0) this.#heads[~previous] = next;
    else setNextInList(this.#arena.segmentOf(previous).words, this.#arena.wordOf(previous), next);
  }

  #setPrevious(address: number, previous: number): void {
    setPreviousInList(this.#arena.segmentOf(address).words, this.#arena.wordOf(address), previous);
  }
}
