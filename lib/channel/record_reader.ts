/**
 * Finds the records in a stream, however it comes in pieces. It checks how they are laid out and knows no keys.
 *
 * @module
 */

import type { Bytes } from "../crypto/subtle.ts";
import { RECORD_BUFFER_BYTES } from "../limits.ts";
import { ChannelError } from "./channel_error.ts";
import { TAG_BYTES } from "./cipher_state.ts";
import { bodyBytesAt, HEADER_BYTES, Opcode } from "./record_layout.ts";

const [SMALLEST_BYTES, LARGEST_WAIT_BYTES] = RECORD_BUFFER_BYTES;

/**
 * The buffer between a stream and its records. Memory follows what has come, not what was announced: the buffer is
 * replaced by a larger one only when it is full. When there is nothing in it, the stream may be silent for hours: then it
 * is the smallest, or the next one as long as one of the last two fillings was more than the smallest holds.
 */
export class RecordReader {
  #buffer: Bytes = new Uint8Array(0);
  /** Where the first record starts that has not been taken. */
  #start = 0;
  /** Where the bytes end that have come. */
  #end = 0;
  /** How far the buffer was filled when it was last empty again. */
  #lastFill = 0;

  /** Whether the start of a record is here, and its end is not. Asked when all that are whole have been taken. */
  get hasPart(): boolean {
    return this.#end > this.#start;
  }

  /** Where to read to next. Records that were taken are overwritten. */
  room(): Bytes {
    const partBytes = this.#end - this.#start;
    if (partBytes === 0) this.#move(this.#waitBytes());
    else this.#move(partBytes === this.#buffer.length ? bufferBytesAbove(partBytes) : this.#buffer.length);
    return this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
  }

  /** Tells that so many bytes have been read to {@linkcode room}. */
  received(count: number): void {
    this.#end += count;
  }

  /**
   * How long the body of the next record is, if all of it is here.
   *
   * @param maxBodyBytes longer ones are refused as soon as their header is here
   * @throws ChannelError `malformed`
   */
  nextBodyBytes(maxBodyBytes: number): number | undefined {
    const here = this.#end - this.#start;
    if (here > 0 && this.#buffer[this.#start] !== Opcode.DATA) {
      throw malformed("a record is neither data nor the end");
    }
    if (here < HEADER_BYTES) return undefined;
    const bodyBytes = bodyBytesAt(this.#buffer, this.#start);
    if (bodyBytes < TAG_BYTES || bodyBytes > maxBodyBytes) {
      throw malformed(`a record announces ${bodyBytes} bytes, where from ${TAG_BYTES} to ${maxBodyBytes} are taken`);
    }
    return here < HEADER_BYTES + bodyBytes ? undefined : bodyBytes;
  }

  /** Takes the record whose body is so long. It stays where it is until {@linkcode room} is called. */
  take(bodyBytes: number): Bytes {
    const start = this.#start;
    this.#start += HEADER_BYTES + bodyBytes;
    return this.#buffer.subarray(start, this.#start);
  }

  /** Gives the buffer away. */
  release(): void {
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  /** Where nothing is, and nothing has come since, the buffer stays as it is. */
  #waitBytes(): number {
    if (this.#end === 0) return Math.max(this.#buffer.length, SMALLEST_BYTES);
    const fill = Math.max(this.#end, this.#lastFill);
    this.#lastFill = this.#end;
    return fill < SMALLEST_BYTES ? SMALLEST_BYTES : LARGEST_WAIT_BYTES;
  }

  /** Moves what is here to the front of a buffer of this size. */
  #move(size: number): void {
    if (size !== this.#buffer.length) {
      const part = this.#buffer.subarray(this.#start, this.#end);
      this.#buffer = new Uint8Array(size);
      this.#buffer.set(part);
    } else if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** The smallest size of a buffer that has room for more than so many bytes, which are less than any record has. */
function bufferBytesAbove(bytes: number): number {
  return RECORD_BUFFER_BYTES.find((size) => size > bytes)!;
}

function malformed(why: string): ChannelError {
  return new ChannelError("malformed", why);
}
