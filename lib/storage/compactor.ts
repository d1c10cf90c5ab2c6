/**
 * Wins memory back from segments that are partly dead: takes the emptiest one, moves what lives in it to the arena's
 * newest segment, and recycles it. The work comes in bounded pieces, paid by writes and by the janitor.
 *
 * Nothing happens before an eighth of all memory is dead. The emptiest segment is then at least an eighth dead itself,
 * so that at most seven bytes move for each one won; under a load that overwrites at random it is two or three.
 *
 * @module
 */

import type { Arena, Segment } from "./arena.ts";
import { entryBytes, hasExpiry, isDead, keyLength, markDead, valueLength } from "./entry.ts";
import type { KeyIndex, KeyReader } from "./key_index.ts";
import type { TimingWheel } from "./timing_wheel.ts";

const MAX_DEAD_FRACTION = 8;
const BYTES_PER_WORD = 4;

/** Moves entries out of thinly used segments. */
export class Compactor {
  readonly #arena: Arena;
  readonly #index: KeyIndex;
  readonly #wheel: TimingWheel;
  readonly #keys: KeyReader;
  /** The segment being emptied. */
  #source: Segment | undefined;
  /** Where in it to go on. */
  #offsetBytes = 0;

  constructor(arena: Arena, index: KeyIndex, wheel: TimingWheel, keys: KeyReader) {
    this.#arena = arena;
    this.#index = index;
    this.#wheel = wheel;
    this.#keys = keys;
  }

  /**
   * Moves about `maxBytes`, if there is something to win.
   *
   * @returns whether there is more to do
   */
  step(maxBytes: number): boolean {
    if (this.#source === undefined && !this.#isWorthwhile()) return false;
    let leftBytes = maxBytes;
    while (leftBytes > 0) {
      if (this.#source === undefined) {
        if (!this.#isWorthwhile()) return false;
        this.#source = this.#arena.takeEmptiest();
        this.#offsetBytes = 0;
        if (this.#source === undefined) return false;
      }
      leftBytes -= this.#moveNext(this.#source);
    }
    return true;
  }

  #isWorthwhile(): boolean {
    const { reclaimableBytes, takenBytes, segmentBytes } = this.#arena;
    return reclaimableBytes >= segmentBytes && reclaimableBytes * MAX_DEAD_FRACTION > takenBytes;
  }

  /** Moves or passes over one entry, and recycles the segment behind the last. Returns the bytes this was worth. */
  #moveNext(source: Segment): number {
    if (this.#offsetBytes >= source.usedBytes || source.liveBytes === 0) {
      this.#arena.recycle(source);
      this.#source = undefined;
      return 1;
    }
    const at = this.#offsetBytes / BYTES_PER_WORD;
    const sizeBytes = entryBytes(keyLength(source.words, at), valueLength(source.words, at));
    if (!isDead(source.words, at)) this.#move(source, this.#offsetBytes, sizeBytes);
    this.#offsetBytes += sizeBytes;
    return sizeBytes;
  }

  #move(source: Segment, offsetBytes: number, sizeBytes: number): void {
    const oldAddress = this.#arena.addressOf(source, offsetBytes);
    const newAddress = this.#arena.allocate(sizeBytes);
    const target = this.#arena.segmentOf(newAddress), at = this.#arena.wordOf(newAddress);
    target.bytes.set(source.bytes.subarray(offsetBytes, offsetBytes + sizeBytes), at * BYTES_PER_WORD);
    this.#index.replace(this.#keys.hashOf(newAddress), oldAddress, newAddress);
    if (hasExpiry(target.words, at)) this.#wheel.moved(newAddress);
    markDead(source.words, offsetBytes / BYTES_PER_WORD);
    this.#arena.free(oldAddress, sizeBytes);
  }
}
