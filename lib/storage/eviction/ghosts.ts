/**
 * Remembers the hashes of entries that were evicted not long ago: S3-FIFO's ghost queue, as a table in which every
 * slot ages.
 *
 * ```
 * slot, 16 bits      bits 0-11 fingerprint: the low bits of the hash
 *                    bits 12-15 age mark: 1 to 15, the period in which it was remembered; 0 = empty
 * bucket             4 slots, chosen by the high bits of the hash
 * ```
 *
 * A period is an eighth of the capacity, and what is older than eight periods is forgotten, so the table acts as a
 * queue of about its capacity. A hash is taken for another with a chance of 4 / 4096, which costs a place among the
 * entries that proved themselves, no more.
 *
 * @module
 */

const SLOTS = 4;
const FINGERPRINT_MASK = 0xfff;
const MARK_SHIFT = 12;
const MARKS = 15;
const LIVE_PERIODS = 8;
const MIN_CAPACITY = 64;
/** A table is made an eighth larger than it needs to be, so that it is seldom made anew. */
const SLACK = 1.125;
const BYTES_PER_SLOT = 2;
const HASHES = 2 ** 32;

/** Recently evicted hashes. */
export class Ghosts {
  #slots = new Uint16Array(0);
  #periodSize = 0;
  #inPeriod = 0;
  /** 1 to 15. */
  #mark = 1;

  /** Bytes that a table for so many takes. */
  static bytesFor(capacity: number): number {
    return slotsFor(capacity) * BYTES_PER_SLOT;
  }

  /** Bytes it takes. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  /**
   * Remembers a hash.
   *
   * @param capacity about how many to remember: as many as there are entries
   */
  add(hash: number, capacity: number): void {
    if (capacity > this.#slots.length) this.#grow(capacity);
    if (++this.#inPeriod > this.#periodSize) {
      this.#inPeriod = 0;
      this.#mark = this.#mark % MARKS + 1;
    }
    const first = this.#bucketOf(hash);
    let oldest = first, oldestAge = -1;
    for (let slot = first; slot < first + SLOTS; slot++) {
      const age = this.#ageOf(this.#slots[slot]!);
      if (age > oldestAge) oldest = slot, oldestAge = age;
    }
    this.#slots[oldest] = this.#mark << MARK_SHIFT | hash & FINGERPRINT_MASK;
  }

  /** Whether a hash is remembered; if so, it is forgotten now. */
  take(hash: number): boolean {
    if (this.#slots.length === 0) return false;
    const fingerprint = hash & FINGERPRINT_MASK;
    const first = this.#bucketOf(hash);
    for (let slot = first; slot < first + SLOTS; slot++) {
      const content = this.#slots[slot]!;
      if ((content & FINGERPRINT_MASK) === fingerprint && this.#ageOf(content) < LIVE_PERIODS) {
        this.#slots[slot] = 0;
        return true;
      }
    }
    return false;
  }

  /** Periods since a slot was written; an empty one is older than all. */
  #ageOf(content: number): number {
    const mark = content >>> MARK_SHIFT;
    return mark === 0 ? MARKS : (this.#mark - mark + MARKS) % MARKS;
  }

  #bucketOf(hash: number): number {
    return Math.floor(hash / HASHES * (this.#slots.length / SLOTS)) * SLOTS;
  }

  /** Starts anew with more room; rare enough that what is forgotten does not matter. */
  #grow(capacity: number): void {
    this.#slots = new Uint16Array(slotsFor(capacity));
    this.#periodSize = Math.ceil(capacity / LIVE_PERIODS);
    this.#inPeriod = 0;
    this.#mark = 1;
  }
}

function slotsFor(capacity: number): number {
  return Math.ceil(Math.max(capacity, MIN_CAPACITY) * SLACK / SLOTS) * SLOTS;
}
