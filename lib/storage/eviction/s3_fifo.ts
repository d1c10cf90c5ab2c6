/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023), with the
 * order of the arena's segments as its queues, so that it costs an entry nothing but two bits of the header's byte.
 *
 * - The arena's first stream is the small queue: new entries, about a twentieth of all. Its second is the main queue.
 * - Who is read while it waits in the small queue moves to the main queue; who is not goes, and leaves its hash among
 *   the ghosts. A key that comes back while its ghost is remembered goes to the main queue at once: so a scan passes
 *   through a twentieth of the memory and leaves the rest alone.
 * - In the main queue, an entry that was read since it was last at the end starts again at the front, one use poorer.
 *
 * To evict is to walk the oldest segment of a queue from its front; when all of it has gone or moved, its memory is
 * free in one piece. Entries with a buffer of their own stand in a queue beside it and go by their age.
 *
 * @module
 */

import { type Segment, Stream } from "../arena.ts";
import { isDead, policyByte, setPolicyByte } from "../entry.ts";
import { Ghosts } from "./ghosts.ts";
import type { EvictionHost, EvictionPolicy } from "./policy.ts";

const BYTES_PER_WORD = 4;
/**
 * The small queue's share of the live bytes. The paper takes a tenth and finds it not sensitive. Half of that does as
 * well on popular keys, and on a loop a little longer than the memory, of which only the main queue keeps a part, it
 * finds 76 % instead of 66 % (`deno task bench:hit-rate`). The price: a key must come back sooner to be seen in the
 * small queue, and new popular keys displace old ones a little more slowly.
 */
const SMALL_SHARE = 0.05;
const MAX_USES = 3;
const USES_MASK = 3;
/** Marks large entries of the main queue, which lie in no stream. */
const MAIN_BIT = 4;
/**
 * How many entries in a row may be spared before one goes in spite of its uses. Each one spared costs one of its uses,
 * so on average a use pays for it; this bounds what a single write can be made to wait, to about a millisecond.
 */
const MAX_SPARED_IN_A_ROW = 2_000;
const NO_JUMBO: readonly [number, number] = [0, 0];

/**
 * One queue: the segment at its end that is being walked, and its large entries, oldest first, each with how many
 * segments had been begun when it was put there: it stands behind the entries of these and before those of later ones.
 */
interface Queue {
  readonly stream: Stream;
  segment: Segment | undefined;
  offsetBytes: number;
  readonly jumbos: Map<number, number>;
}

/** Evicts by three queues in order of time. */
export class S3FifoPolicy implements EvictionPolicy {
  readonly name = "s3-fifo";
  readonly keepsLinks = false;
  readonly #host: EvictionHost;
  readonly #ghosts = new Ghosts();
  readonly #small: Queue = { stream: Stream.FIRST, segment: undefined, offsetBytes: 0, jumbos: new Map() };
  readonly #main: Queue = { stream: Stream.SECOND, segment: undefined, offsetBytes: 0, jumbos: new Map() };
  #smallBytes = 0;
  #sparedInARow = 0;

  constructor(host: EvictionHost) {
    this.#host = host;
  }

  get bytes(): number {
    return this.#ghosts.bytes;
  }

  get plannedBytes(): number {
    return Ghosts.bytesFor(this.#host.index.size);
  }

  streamFor(hash: number, replaced: number): Stream {
    if (replaced !== 0) return this.#queueOf(replaced).stream;
    return this.#ghosts.take(hash) ? Stream.SECOND : Stream.FIRST;
  }

  added(address: number, replaced: number, stream: Stream): void {
    const { arena, entries } = this.#host;
    const { words } = arena.segmentOf(address), at = arena.wordOf(address);
    const sizeBytes = entries.sizeAt(words, at);
    const queue = stream === Stream.FIRST ? this.#small : this.#main;
    if (queue === this.#small) this.#smallBytes += sizeBytes;
    const uses = replaced === 0 ? 0 : Math.min(MAX_USES, (this.#read(replaced).byte & USES_MASK) + 1);
    setPolicyByte(words, at, uses | (queue === this.#main ? MAIN_BIT : 0));
    if (arena.isJumbo(sizeBytes)) queue.jumbos.set(address, arena.sequence);
  }

  used(_address: number, words: Int32Array, at: number): void {
    const byte = policyByte(words, at);
    if ((byte & USES_MASK) < MAX_USES) setPolicyByte(words, at, byte + 1);
  }

  removed(address: number): void {
    const { arena, entries } = this.#host;
    const { words } = arena.segmentOf(address), at = arena.wordOf(address);
    const sizeBytes = entries.sizeAt(words, at);
    const isSmall = (policyByte(words, at) & MAIN_BIT) === 0;
    if (isSmall) this.#smallBytes -= sizeBytes;
    if (arena.isJumbo(sizeBytes)) (isSmall ? this.#small : this.#main).jumbos.delete(address);
  }

  moved(): void {}

  evict(): number {
    const queue = this.#smallBytes >= SMALL_SHARE * this.#host.arena.liveBytes ? this.#small : this.#main;
    // A queue may hold nothing, as the main one does at first.
    return this.#step(queue) || this.#step(queue === this.#small ? this.#main : this.#small);
  }

  listed(): undefined {
    return undefined;
  }

  /** Decides on the entry at the end of a queue. Returns the bytes it looked at, 0 if the queue is empty. */
  #step(queue: Queue): number {
    const { arena, entries } = this.#host;
    if (queue.segment === undefined) {
      queue.segment = arena.takeOldest(queue.stream);
      queue.offsetBytes = 0;
    }
    const [[jumbo, queuedAt] = NO_JUMBO] = queue.jumbos;
    const { segment } = queue;
    if (segment === undefined) return jumbo === 0 ? 0 : this.#decide(queue, jumbo);
    if (queue.offsetBytes >= segment.usedBytes || segment.liveBytes === 0) {
      arena.recycle(segment);
      queue.segment = undefined;
      return 1;
    }
    const at = queue.offsetBytes / BYTES_PER_WORD;
    const sizeBytes = entries.sizeAt(segment.words, at);
    if (isDead(segment.words, at)) {
      queue.offsetBytes += sizeBytes;
      return sizeBytes;
    }
    if (jumbo !== 0 && queuedAt < segment.sequence) return this.#decide(queue, jumbo);
    const address = arena.addressOf(segment, queue.offsetBytes);
    queue.offsetBytes += sizeBytes;
    return this.#decide(queue, address);
  }

  /** Lets an entry stay, in the main queue, if its uses say so, or go. */
  #decide(queue: Queue, address: number): number {
    const { index, entries } = this.#host;
    const { words, at, byte, sizeBytes } = this.#read(address);
    const uses = byte & USES_MASK;
    if (uses > 0 && this.#sparedInARow < MAX_SPARED_IN_A_ROW) {
      this.#sparedInARow++;
      // From the small queue it starts without uses: what it has shown there got it the place.
      const usesLeft = queue === this.#small ? 0 : uses - 1;
      setPolicyByte(words, at, usesLeft | MAIN_BIT);
      if (queue === this.#small) this.#smallBytes -= sizeBytes;
      if (queue.jumbos.delete(address)) this.#main.jumbos.set(address, this.#host.arena.sequence);
      else this.#host.mover.move(address, Stream.SECOND);
      return sizeBytes;
    }
    this.#sparedInARow = 0;
    if (queue === this.#small) this.#ghosts.add(entries.hashOf(address), index.size);
    return this.#host.evict(address);
  }

  #queueOf(address: number): Queue {
    return (this.#read(address).byte & MAIN_BIT) === 0 ? this.#small : this.#main;
  }

  #read(address: number): { words: Int32Array; at: number; byte: number; sizeBytes: number } {
    const { arena, entries } = this.#host;
    const { words } = arena.segmentOf(address), at = arena.wordOf(address);
    return { words, at, byte: policyByte(words, at), sizeBytes: entries.sizeAt(words, at) };
  }
}
