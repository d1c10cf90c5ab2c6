/**
 * Requests of RESP as arrays of words, which may come in any number of pieces: what has been understood is remembered,
 * so that no byte is looked at again when more have come, and nothing is allocated by what is announced.
 *
 * @module
 */

import {
  MAX_KEPT_REQUEST_WORDS,
  MAX_RESP_LINE_BYTES,
  MAX_RESP_REQUEST_BYTES,
  MAX_RESP_WORDS,
  MAX_UNAUTHENTICATED_WORDS,
} from "../limits.ts";
import type { Agreed } from "./dialect.ts";
import { INCOMPLETE, type INVALID, type Request } from "./message.ts";
import { refuseProtocol, settle, startWords } from "./resp_request.ts";

const CARRIAGE_RETURN = 0x0d;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Redis reads 64-bit numbers; the longest has so many digits. */
const MAX_DIGITS = 19;
/** So many are read at once. */
const FEW_DIGITS = 9;
const LINE_END_BYTES = 2;

/**
 * Reads the arrays of one connection. All positions that it keeps count from the start of the request, whose bytes may
 * be moved between two calls.
 */
export class RespArray {
  readonly #maxWordBytes: number;
  readonly #agreed: Pick<Agreed, "isLimited">;
  /** Bytes that have been understood; 0 = nothing yet. */
  #parsed = 0;
  /** Bytes in which the end of the present line has been looked for. */
  #searched = 0;
  #wordsLeft = 0;
  /** Length of the present word, -1 = its line has not been read. */
  #wordBytes = -1;
  /** Position and length of each word, the first {@linkcode #wordCount} pairs. */
  #ranges: number[] = [];
  #wordCount = 0;
  /** Set by {@linkcode #readNumber}: the position behind the line. */
  #behind = 0;

  /** @param maxWordBytes a longer word is refused by its announced length */
  constructor(maxWordBytes: number, agreed: Pick<Agreed, "isLimited">) {
    this.#maxWordBytes = maxWordBytes;
    this.#agreed = agreed;
  }

  /** Whether a request has been understood in part. */
  get hasBegun(): boolean {
    return this.#parsed > 0;
  }

  /** Dialect.decode() of a request that starts with `*`. */
  decode(bytes: Uint8Array, start: number, end: number, request: Request): number {
    // Less than there was: this is not the request that was begun.
    if (end - start < this.#parsed || end - start < this.#searched) this.#forget();
    if (this.#parsed === 0) {
      const count = this.#readNumber(bytes, start, start + 1, end);
      if (this.#behind === 0) return this.#awaitLine(start, end, request, "too big mbulk count string");
      if (!(count <= MAX_RESP_WORDS)) return this.#refuse(request, "invalid multibulk length");
      if (count > MAX_UNAUTHENTICATED_WORDS && this.#agreed.isLimited) {
        return this.#refuse(request, "unauthenticated multibulk length");
      }
      this.#parsed = this.#behind - start;
      this.#wordsLeft = count;
    }
    while (this.#wordsLeft > 0) {
      if (this.#wordBytes < 0) {
        const at = start + this.#parsed;
        if (at >= end) return INCOMPLETE;
        const length = this.#readNumber(bytes, start, at + 1, end);
        if (this.#behind === 0) return this.#awaitLine(start, end, request, "too big bulk count string");
        if (bytes[at] !== DOLLAR) {
          return this.#refuse(request, `expected '$', got '${String.fromCharCode(bytes[at]!)}'`);
        }
        if (!(length >= 0 && length <= this.#maxWordBytes)) return this.#refuse(request, "invalid bulk length");
        this.#parsed = this.#behind - start;
        this.#wordBytes = length;
      }
      const behindWord = this.#parsed + this.#wordBytes + LINE_END_BYTES;
      if (behindWord > MAX_RESP_REQUEST_BYTES) return this.#refuse(request, "too big request");
      if (end - start < behindWord) {
        if (this.#wordsLeft === 1) request.neededBytes = behindWord;
        return INCOMPLETE;
      }
      this.#ranges[2 * this.#wordCount] = this.#parsed;
      this.#ranges[2 * this.#wordCount + 1] = this.#wordBytes;
      this.#wordCount++;
      this.#wordsLeft--;
      this.#parsed = behindWord;
      this.#wordBytes = -1;
    }
    const length = this.#parsed;
    if (this.#wordCount > 0) {
      startWords(request, this.#wordCount - 1);
      for (let i = 1; i < this.#wordCount; i++) {
        request.addWord(bytes, start + this.#ranges[2 * i]!, this.#ranges[2 * i + 1]!);
      }
      settle(request, bytes, start + this.#ranges[0]!, this.#ranges[1]!);
    }
    this.#forget();
    return length;
  }

  /**
   * Reads the number of a line; {@linkcode #behind} becomes the position behind the line, 0 if its end is not there.
   * As in Redis, a carriage return ends it, even in the place of its type, and whatever follows.
   *
   * @returns NaN if it is none
   */
  #readNumber(bytes: Uint8Array, start: number, from: number, end: number): number {
    // Nearly all are a few digits with the end of the line behind them.
    const last = Math.min(end - 1, from + FEW_DIGITS);
    let number = 0, digitAt = from;
    for (; digitAt < last; digitAt++) {
      const digit = bytes[digitAt]! - ZERO;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (digitAt < last && digitAt > from && bytes[digitAt] === CARRIAGE_RETURN && bytes[from] !== ZERO) {
      this.#behind = digitAt + LINE_END_BYTES;
      return number;
    }
    let at = Math.max(from - 1, start + this.#searched);
    while (at < end && bytes[at] !== CARRIAGE_RETURN) at++;
    this.#searched = at - start;
    this.#behind = at + 1 < end ? at + LINE_END_BYTES : 0;
    return this.#behind === 0 ? NaN : numberOf(bytes, from, at);
  }

  #awaitLine(start: number, end: number, request: Request, refusal: string): number {
    return end - start - this.#parsed > MAX_RESP_LINE_BYTES ? this.#refuse(request, refusal) : INCOMPLETE;
  }

  #refuse(request: Request, what: string): typeof INVALID {
    this.#forget();
    return refuseProtocol(request, what);
  }

  /** The next byte begins a request. */
  #forget(): void {
    this.#parsed = 0;
    this.#searched = 0;
    this.#wordBytes = -1;
    if (this.#wordCount > MAX_KEPT_REQUEST_WORDS) this.#ranges = [];
    this.#wordCount = 0;
  }
}

/** A decimal as Redis reads it: no plus, no leading zeros. NaN if it is none. */
function numberOf(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from, digits = to - first;
  if (digits < 1 || digits > MAX_DIGITS || bytes[first] === ZERO && to - from > 1) return NaN;
  let number = 0;
  for (let at = first; at < to; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return first === from ? number : -number;
}
