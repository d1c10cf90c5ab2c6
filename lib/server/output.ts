/**
 * What a connection has to say: replies and pushes in the order in which they came up, gathered and written one write
 * at a time.
 *
 * @module
 */

import type { ByteStream } from "../channel/byte_stream.ts";
import { BUFFER_BYTES } from "../limits.ts";
import type { BufferPool } from "./buffer_pool.ts";

/** Bytes in the front part of a buffer. */
interface FilledBuffer {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/** The sending half of a connection. */
export class Output {
  readonly #wire: Pick<ByteStream, "write">;
  readonly #buffers: BufferPool;
  /** What comes before {@linkcode length} bytes of the buffer that is being filled. */
  readonly #full: FilledBuffer[] = [];
  #fullBytes = 0;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes that wait in the buffer that is being filled. */
  length = 0;
  /** Bytes of the write under way. */
  #writingBytes = 0;
  #writing: Promise<void> | undefined;
  #isHeld = false;
  readonly #counts: { outputBytes: number };

  /** @param counts where the bytes written are counted */
  constructor(wire: Pick<ByteStream, "write">, buffers: BufferPool, counts: { outputBytes: number }) {
    this.#wire = wire;
    this.#buffers = buffers;
    this.#counts = counts;
  }

  /** Whether a write is under way. */
  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** Bytes that the peer has not taken yet, as far as this process holds them. */
  get pendingBytes(): number {
    return this.#fullBytes + this.length + this.#writingBytes;
  }

  /** Bytes that wait before the buffer that is being filled. */
  get bytesBefore(): number {
    return this.#fullBytes;
  }

  /** The buffer with room for so many bytes behind {@linkcode length}; who fills some of it moves that on. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    const needed = this.length + bytes;
    if (this.#buffer !== undefined && needed <= this.#buffer.length) return this.#buffer;
    const larger = this.#buffers.take(needed);
    if (this.#buffer !== undefined) {
      larger.set(this.#buffer.subarray(0, this.length));
      this.#buffers.give(this.#buffer);
    }
    return this.#buffer = larger;
  }

  /** Adds bytes. A buffer that is full is put aside: pushes can add up to much while the peer does not read. */
  append(bytes: Uint8Array): void {
    if (this.#buffer !== undefined && this.length + bytes.length > this.#buffer.length) {
      this.#full.push({ buffer: this.#buffer, length: this.length });
      this.#fullBytes += this.length;
      this.#buffer = this.#buffers.take(Math.max(bytes.length, BUFFER_BYTES.at(-1)!));
      this.length = 0;
    }
    this.room(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Forgets what waits: nobody will read it. */
  discard(): void {
    this.#full.length = 0;
    this.#fullBytes = 0;
    this.#buffer = undefined;
    this.length = 0;
  }

  /** Keeps back what waits, and what comes up meanwhile, until {@linkcode release}. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets it go; it leaves with the next {@linkcode flush}. */
  release(): void {
    this.#isHeld = false;
  }

  /** Takes out what waits, as one piece. */
  takeWaiting(): Uint8Array<ArrayBuffer> {
    const waiting = new Uint8Array(this.#fullBytes + this.length);
    let at = 0;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      waiting.set(next.buffer.subarray(0, next.length), at);
      at += next.length;
      this.#buffers.give(next.buffer);
    }
    return waiting;
  }

  /** Writes all there is, also what comes up meanwhile; `undefined` if there is nothing. */
  flush(): Promise<void> | undefined {
    if (this.#writing === undefined && this.pendingBytes > 0 && !this.#isHeld) this.#writing = this.#write();
    return this.#writing;
  }

  async #write(): Promise<void> {
    try {
      for (let next = this.#nextFree(); next !== undefined; next = this.#nextFree()) {
        const { buffer, length } = next;
        this.#writingBytes = length;
        for (let written = 0; written < length;) {
          written += await this.#wire.write(buffer.subarray(written, length));
        }
        this.#writingBytes = 0;
        this.#counts.outputBytes += length;
        this.#buffers.give(buffer);
      }
    } finally {
      this.#writing = undefined;
    }
  }

  #nextFree(): FilledBuffer | undefined {
    return this.#isHeld ? undefined : this.#next();
  }

  /** Takes the oldest buffer to be written, if there is one. */
  #next(): FilledBuffer | undefined {
    const full = this.#full.shift();
    if (full !== undefined) {
      this.#fullBytes -= full.length;
      return full;
    }
    if (this.length === 0) return undefined;
    const last = { buffer: this.#buffer!, length: this.length };
    this.#buffer = undefined;
    this.length = 0;
    return last;
  }
}
