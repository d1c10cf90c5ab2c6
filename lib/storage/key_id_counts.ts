/**
 * How many entries were sealed with which key, and the bytes of their values, kept while entries come and go: so that
 * whoever rotates keys knows when the last value of an old one has gone. It believes what envelopes say of themselves.
 *
 * Bounded, because whoever may write can make up ids: from {@linkcode MAX_COUNTED_KEY_IDS} on, further ids are counted
 * together. An id is counted in one of the two ways for as long as there are entries of it, or taking one away again
 * would not be exact: it gets counts of its own only while nothing is counted together, and loses them at zero.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { envelopeKeyId } from "../crypto/envelope_header.ts";
import { MAX_COUNTED_KEY_IDS } from "../limits.ts";
import type { EntryCount, KeyIdCount } from "./store.ts";

/** What {@linkcode envelopeKeyId} tells of bytes that are no envelope. */
const NO_KEY_ID = -1;

class Count implements KeyIdCount {
  readonly id: number;
  entries = 0;
  bytes = 0;

  constructor(id: number) {
    this.id = id;
  }
}

/** Counts by key id. Values are given where they lie. */
export class KeyIdCounts {
  /** By the id as a signed number, which V8 keeps without an object. */
  readonly #counts = new Map<number, Count>();
  /** All that have none of their own. */
  readonly #others = new Count(NO_KEY_ID);
  /** The one found last: mostly one key is in use, and then nothing has to be looked up. */
  #latest = this.#others;

  /** A value has come. */
  add(bytes: Uint8Array, start: number, length: number): void {
    const id = envelopeKeyId(bytes, start, length);
    if (id !== NO_KEY_ID) this.#add(id, length);
  }

  /** A value goes. */
  remove(bytes: Uint8Array, start: number, length: number): void {
    const id = envelopeKeyId(bytes, start, length);
    if (id !== NO_KEY_ID) this.#remove(id, length);
  }

  /** A value takes the place of the one that still lies there. */
  replace(bytes: Uint8Array, start: number, length: number, value: ByteRange): void {
    const oldId = envelopeKeyId(bytes, start, length);
    const id = envelopeKeyId(value.bytes, value.start, value.length);
    if (id === oldId) {
      if (id !== NO_KEY_ID && length !== value.length) (this.#find(id) ?? this.#others).bytes += value.length - length;
      return;
    }
    if (oldId !== NO_KEY_ID) this.#remove(oldId, length);
    if (id !== NO_KEY_ID) this.#add(id, value.length);
  }

  /** Counts of each id that has its own, those with the most entries first. */
  get keys(): readonly KeyIdCount[] {
    return [...this.#counts.values()]
      .map(({ id, entries, bytes }) => ({ id, entries, bytes }))
      .sort((a, b) => b.entries - a.entries);
  }

  /** All further ids together. */
  get others(): EntryCount {
    const { entries, bytes } = this.#others;
    return { entries, bytes };
  }

  #add(id: number, length: number): void {
    const count = this.#find(id) ?? this.#begin(id);
    count.entries++;
    count.bytes += length;
  }

  #remove(id: number, length: number): void {
    const count = this.#find(id) ?? this.#others;
    count.entries--;
    count.bytes -= length;
    if (count.entries > 0 || count === this.#others) return;
    this.#counts.delete(id | 0);
    this.#latest = this.#others;
  }

  /** The id's own count. */
  #find(id: number): Count | undefined {
    if (this.#latest.id === id) return this.#latest;
    const count = this.#counts.get(id | 0);
    if (count !== undefined) this.#latest = count;
    return count;
  }

  /** Where to count an id that has no count of its own: in one from now on, if it may have one. */
  #begin(id: number): Count {
    if (this.#others.entries > 0 || this.#counts.size >= MAX_COUNTED_KEY_IDS) return this.#others;
    const count = new Count(id);
    this.#counts.set(id | 0, count);
    return this.#latest = count;
  }
}
