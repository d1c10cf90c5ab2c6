/**
 * Buffers that connections read into and answer from. They are given back and used again, because what a closed
 * connection leaves behind would else stay until the garbage collector comes by, which off-heap memory does not hurry.
 *
 * @module
 */

import { BUFFER_BYTES, MAX_POOLED_BYTES_PER_SIZE } from "../limits.ts";

/** A pool for each size of {@linkcode BUFFER_BYTES}. */
export class BufferPool {
  readonly #free: Uint8Array<ArrayBuffer>[][] = BUFFER_BYTES.map(() => []);

  /** Borrows a buffer of at least that many bytes; what is in it means nothing. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    for (let i = 0; i < BUFFER_BYTES.length; i++) {
      if (bytes <= BUFFER_BYTES[i]!) return this.#free[i]!.pop() ?? new Uint8Array(BUFFER_BYTES[i]!);
    }
    return new Uint8Array(bytes);
  }

  /** Gives a buffer back, which nobody may use any more. One of no common size goes back to the system at once. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const i = (BUFFER_BYTES as readonly number[]).indexOf(buffer.length);
    if (i >= 0 && this.#free[i]!.length * buffer.length < MAX_POOLED_BYTES_PER_SIZE) this.#free[i]!.push(buffer);
    else buffer.buffer.transfer(0);
  }
}
