/**
 * Turns the bytes that a connection reads into replies. Pure: it owns the buffer that is read into and knows no
 * socket and no call.
 *
 * Small replies are decoded in one buffer and copied out. A reply that does not fit it gets a buffer of its own, which
 * becomes the reply's value and is then let go, so a big reply is not copied again and leaves nothing behind. That
 * buffer grows with the bytes received, not with the bytes announced.
 *
 * @module
 */

import { decodeResponseHeader, RESPONSE_HEADER_BYTES, type ResponseHeader } from "../codec/cm.ts";
import { INVALID, Status } from "../codec/message.ts";
import { CLIENT_READ_BUFFER_BYTES, CLIENT_REPLY_STEP_BYTES } from "../limits.ts";

/** One answer of a server. */
export interface Reply {
  /** Outcome, PROTOCOL.md §1.2. */
  readonly status: number;
  /** What came with it; nobody else holds these bytes. */
  readonly value: Uint8Array<ArrayBuffer>;
}

/** Why an input cannot be understood any further. */
export interface Unreadable {
  /** `BAD_MAGIC`: not CM. `TOO_LARGE`: a reply announces more than the limit. */
  readonly code: "BAD_MAGIC" | "TOO_LARGE";
  /** The end of a sentence "Cannot get "k": …". */
  readonly state: string;
}

/** A growing input, decoded as it comes. */
export class ReplyReader {
  readonly #maxValueBytes: number;
  readonly #header: ResponseHeader = { status: 0, valueLength: 0 };
  readonly #shared = new Uint8Array(CLIENT_READ_BUFFER_BYTES);
  /** The shared buffer, or that of one reply which is too big for it. */
  #buffer: Uint8Array<ArrayBuffer> = this.#shared;
  /** Where the first reply that is not complete starts in the buffer. */
  #start = 0;
  /** Where the bytes received end in the buffer. */
  #end = 0;

  /** @param maxValueBytes longest value that a reply may announce */
  constructor(maxValueBytes: number) {
    this.#maxValueBytes = maxValueBytes;
  }

  /** Bytes that the reader holds at the moment, used or not. */
  get bufferBytes(): number {
    return this.#buffer === this.#shared ? this.#shared.length : this.#shared.length + this.#buffer.length;
  }

  /** Where the next bytes belong; never empty. */
  room(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#end);
  }

  /**
   * Decodes what is complete once `count` bytes have been put into {@linkcode room}.
   *
   * @param onReply is called for each reply, in order; must not throw
   * @returns why nothing behind the replies handed over can be understood, else `undefined`
   */
  accept(count: number, onReply: (reply: Reply) => void): Unreadable | undefined {
    this.#end += count;
    let neededBytes = RESPONSE_HEADER_BYTES;
    while (this.#end > this.#start) {
      const header = this.#header;
      const length = decodeResponseHeader(this.#buffer, this.#start, this.#end, header);
      if (length === INVALID) return { code: "BAD_MAGIC", state: "the reply does not start with CM" };
      if (length !== RESPONSE_HEADER_BYTES) break;
      // A status that no request of ours is answered with: from here on replies could be taken for each other's.
      if (header.status > Status.DENIED) {
        return { code: "BAD_MAGIC", state: `the reply has the unknown status ${header.status}` };
      }
      if (header.valueLength > this.#maxValueBytes) {
        const state = `the reply announces ${header.valueLength} bytes, the limit is ${this.#maxValueBytes}`;
        return { code: "TOO_LARGE", state };
      }
      neededBytes = RESPONSE_HEADER_BYTES + header.valueLength;
      if (this.#end - this.#start < neededBytes) break;
      onReply({ status: header.status, value: this.#take(neededBytes) });
      neededBytes = RESPONSE_HEADER_BYTES;
    }
    this.#makeRoom(neededBytes);
    return undefined;
  }

  /** The value of the complete reply of `length` bytes at the start of the input, which is moved on behind it. */
  #take(length: number): Uint8Array<ArrayBuffer> {
    const valueStart = this.#start + RESPONSE_HEADER_BYTES;
    const replyEnd = this.#start + length;
    if (this.#buffer !== this.#shared) {
      const value = this.#buffer.subarray(valueStart, replyEnd);
      this.#buffer = this.#shared;
      this.#start = this.#end = 0;
      return value;
    }
    this.#start = replyEnd;
    return this.#buffer.slice(valueStart, replyEnd);
  }

  /** Sees to it that the reply at the start, of which `neededBytes` are known to come, can be read on. */
  #makeRoom(neededBytes: number): void {
    const held = this.#end - this.#start;
    if (held === 0) {
      this.#start = this.#end = 0;
    } else if (neededBytes > this.#shared.length) {
      if (this.#end < this.#buffer.length && this.#buffer !== this.#shared) return;
      // Never longer than the reply itself: no byte of the next one can get in.
      const grown = new Uint8Array(Math.min(neededBytes, Math.max(2 * held, CLIENT_REPLY_STEP_BYTES)));
      grown.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = grown;
      this.#start = 0;
      this.#end = held;
    } else if (this.#start + neededBytes > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = held;
    }
  }
}
