/**
 * Where a connection's bytes arrive: one buffer from whose front requests are consumed, as small as the connection's
 * habits allow, and growing with what was received, never with what was announced.
 *
 * @module
 */

import { BUFFER_BYTES } from "../limits.ts";
import type { BufferPool } from "./buffer_pool.ts";

const [SMALLEST_BYTES, , , LARGEST_BYTES] = BUFFER_BYTES;

/** Received bytes that are not consumed yet. */
export class InputBuffer {
  /** The bytes; those from {@linkcode start} to {@linkcode end} wait. */
  bytes: Uint8Array<ArrayBuffer>;
  start = 0;
  end = 0;
  readonly #pool: BufferPool;
  /** How far the read before the last one filled the buffer. */
  #previousEnd = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
    this.bytes = pool.take(SMALLEST_BYTES);
  }

  /** Whether a request has begun but is not complete. */
  get hasPart(): boolean {
    return this.end > this.start;
  }

  /** Where the next read goes: everything behind the waiting bytes. */
  room(): Uint8Array<ArrayBuffer> {
    return this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
  }

  /** Tells that a read has filled so many bytes of {@linkcode room}. */
  received(count: number): void {
    this.end += count;
  }

  /**
   * Makes room for the next read.
   *
   * @param neededBytes length of the begun request if it is known, else 0
   * @param maxBytes longest request that is taken: there is no larger buffer for what is shorter
   */
  prepare(neededBytes: number, maxBytes: number): void {
    const waitingBytes = this.end - this.start;
    const capacity = this.#nextCapacity(waitingBytes, neededBytes, maxBytes);
    this.#previousEnd = this.end;
    if (capacity !== this.bytes.length) {
      const bytes = this.#pool.take(capacity);
      bytes.set(this.bytes.subarray(this.start, this.end));
      // It may be the beginning of a secret, of which its reader wipes what it was given.
      this.bytes.fill(0, this.start, this.end);
      this.#pool.give(this.bytes);
      this.bytes = bytes;
    } else if (this.start > 0 && waitingBytes > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.bytes.fill(0, Math.max(this.start, waitingBytes), this.end);
    }
    this.start = 0;
    this.end = waitingBytes;
  }

  /** Gives the memory back; the connection is over. What was sent on it, also by mistake, does not stay in the pool. */
  release(): void {
    if (this.bytes.length <= LARGEST_BYTES) this.bytes.fill(0);
    this.#pool.give(this.bytes);
  }

  #nextCapacity(waitingBytes: number, neededBytes: number, maxBytes: number): number {
    const isFull = this.end === this.bytes.length;
    if (waitingBytes >= LARGEST_BYTES) {
      // In the middle of a large request: doubling keeps memory below twice what was received.
      return isFull
        ? Math.max(waitingBytes + 1, Math.min(neededBytes || Infinity, 2 * waitingBytes))
        : this.bytes.length;
    }
    const isBehindLargeRequest = this.bytes.length > LARGEST_BYTES && neededBytes <= LARGEST_BYTES;
    if (!isFull && waitingBytes > 0 && !isBehindLargeRequest) return this.bytes.length;
    // The last two reads decide: the rest of what one read could not hold is no reason to wait with less.
    return fitting(Math.min(Math.max(this.end, this.#previousEnd), maxBytes - 1));
  }
}

/** The smallest buffer that a read of so many bytes would not fill. */
function fitting(bytes: number): number {
  return BUFFER_BYTES.find((size) => size > bytes) ?? LARGEST_BYTES;
}
