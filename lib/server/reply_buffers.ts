/**
 * Buffers in which replies are gathered. A connection borrows one from the first reply of a read to the end of the
 * write, so that idle connections hold none.
 *
 * @module
 */

import { MAX_POOLED_REPLY_BUFFERS, REPLY_FLUSH_BYTES } from "../limits.ts";

/** A pool of buffers of {@linkcode REPLY_FLUSH_BYTES}. */
export class ReplyBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** Borrows a buffer; what is in it means nothing. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#free.pop() ?? new Uint8Array(REPLY_FLUSH_BYTES);
  }

  /** Gives a buffer back; one that was made larger for a large value is left to the garbage collector. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === REPLY_FLUSH_BYTES && this.#free.length < MAX_POOLED_REPLY_BUFFERS) this.#free.push(buffer);
  }
}
