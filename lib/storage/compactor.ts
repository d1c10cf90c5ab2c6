/**
 * Wins memory back from segments that are partly dead: takes the emptiest one, moves what lives in it to the arena's
 * newest segment, and recycles it. The work comes in bounded pieces, paid by writes and by the janitor.
 *
 * Nothing happens before a twelfth of all memory is dead. The emptiest segment is then at least a twelfth dead itself,
 * so that at most eleven bytes move for each one won; under loads that overwrite or evict at random it is about four.
 * What stays unused is that twelfth, the tails of segments (1/32 at most on average, arena.ts) and the two segments
 * being filled: with values of 1 B to 64 KiB, 88 % of the memory is live.
 *
 * @module
 */

import type { Arena, Segment } from "./arena.ts";
import type { Entries } from "./entries.ts";
import { isDead } from "./entry.ts";
import type { Mover } from "./mover.ts";

/** The dead fraction of all memory, as 1 / this, from which on compaction is worth its copying. */
const MAX_DEAD_FRACTION = 12;
const BYTES_PER_WORD = 4;

/** Moves entries out of thinly used segments. */
export class Compactor {
  readonly #arena: Arena;
  readonly #entries: Entries;
  readonly #mover: Mover;
  /** The segment being emptied. */
  #source: Segment | undefined;
  /** Where in it to go on. */
  #offsetBytes = 0;

  constructor(arena: Arena, entries: Entries, mover: Mover) {
    this.#arena = arena;
    this.#entries = entries;
    this.#mover = mover;
  }

  /**
   * Moves about `maxBytes`, if there is something to win.
   *
   * @returns whether there is more to do
   */
  step(maxBytes: number): boolean {
    for (let leftBytes = maxBytes; leftBytes > 0;) {
      if (this.#source === undefined) {
        if (!this.#isWorthwhile()) return false;
        this.#source = this.#arena.takeEmptiest();
        this.#offsetBytes = 0;
        if (this.#source === undefined) return false;
      }
      leftBytes -= this.#moveNext(this.#source);
    }
    return this.#source !== undefined || this.#isWorthwhile();
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
    const offsetBytes = this.#offsetBytes, at = offsetBytes / BYTES_PER_WORD;
    const sizeBytes = this.#entries.sizeAt(source.words, at);
    this.#offsetBytes += sizeBytes;
    if (!isDead(source.words, at)) this.#mover.move(this.#arena.addressOf(source, offsetBytes), source.stream);
    return sizeBytes;
  }
}
