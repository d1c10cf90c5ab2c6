/**
 * The words of a line (PROTOCOL.md §2): parted by spaces and tabs, or between double quotes, where `\" \\ \n \r \t \xHH`
 * stand for bytes that a line cannot hold.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import { MAX_LINE_WORDS } from "../limits.ts";
import type { Request } from "./message.ts";

const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Kept for the words of later lines; a longer line gets an array of its own. */
const SCRATCH_BYTES = 4 * 1024;
const NO_BYTES = new Uint8Array(0);

/** What the byte behind a backslash stands for; -1 = nothing. */
const ESCAPED = new Int16Array(256).fill(-1);
for (const [letter, byte] of ['""', "\\\\", "n\n", "r\r", "t\t"]) {
  ESCAPED[letter!.charCodeAt(0)] = byte!.charCodeAt(0);
}
const HEX_ESCAPE = 0x78; // x

/** Splits lines. Words lie in the line itself; only those with escapes are written anew, into memory that is reused. */
export class LineWords {
  /** The first word, which names the command. */
  readonly name: ByteRange = new ByteRange();
  #scratch = NO_BYTES;
  #scratchUsed = 0;
  /** Made by {@linkcode #unquote}. */
  readonly #word = new ByteRange();

  /**
   * Points {@linkcode name} at the first word of a line and the request's words at the others.
   *
   * @returns how many words there are; -1 if the line cannot be split: then the request is refused
   */
  split(bytes: Uint8Array, start: number, end: number, request: Request): number {
    this.#scratchUsed = 0;
    request.wordCount = 0;
    let count = 0;
    for (let at = start;;) {
      while (at < end && isBlank(bytes[at]!)) at++;
      if (at === end) return count;
      if (count > MAX_LINE_WORDS) {
        request.refuse("TOO_LARGE", `the line has more than ${MAX_LINE_WORDS} words`);
        return -1;
      }
      const wordStart = at;
      if (bytes[at] === QUOTE) {
        at = this.#unquote(bytes, at + 1, end);
        if (at === -1 || at < end && !isBlank(bytes[at]!)) {
          request.refuse("BAD_REQUEST", "syntax error");
          return -1;
        }
      } else {
        while (at < end && !isBlank(bytes[at]!)) at++;
        this.#word.point(bytes, wordStart, at - wordStart);
      }
      const { bytes: from, start: first, length } = this.#word;
      if (count++ === 0) this.name.point(from, first, length);
      else request.addWord(from, first, length);
    }
  }

  /**
   * Points at the bytes of a word in quotes.
   *
   * @returns the position behind the closing quote, -1 if there is none or an escape stands for nothing
   */
  #unquote(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
    if (at < end && bytes[at] === QUOTE) {
      this.#word.point(bytes, start, at - start);
      return at + 1;
    }
    // No word is longer than it was written, so what is left of the line bounds this word and all behind it.
    if (this.#scratchUsed === 0) this.#makeRoom(end - start);
    const scratch = this.#scratch, first = this.#scratchUsed;
    let length = first;
    for (at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#word.point(scratch, first, length - first);
        this.#scratchUsed = length;
        return at + 1;
      }
      if (byte !== BACKSLASH) {
        scratch[length++] = byte;
        continue;
      }
      if (++at === end) return -1;
      let meant = ESCAPED[bytes[at]!]!;
      if (bytes[at] === HEX_ESCAPE && at + 2 < end) {
        meant = hexDigit(bytes[at + 1]!) * 16 + hexDigit(bytes[at + 2]!);
        at += 2;
      }
      if (!(meant >= 0)) return -1;
      scratch[length++] = meant;
    }
    return -1;
  }

  #makeRoom(bytes: number): void {
    if (this.#scratch.length >= bytes && this.#scratch.length <= SCRATCH_BYTES) return;
    this.#scratch = new Uint8Array(Math.max(bytes, SCRATCH_BYTES));
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** 0 to 15, or NaN. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN;
}

const HTTP_VERSION = "HTTP/1.";
const HOST = "HOST:";
const GREETINGS = ["EHLO", "HELO"];

/**
 * Whether a line speaks another protocol: the first line of an HTTP request or its `Host:`, or the greeting of a mail
 * client. A browser or a mailer can be made to send them here, with commands behind them (cross-protocol requests).
 */
export function isForeign(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start]! & 0xdf;
  if (first === 0x48 && startsWithWord(bytes, start, end, HOST)) return true;
  if (first === 0x48 || first === 0x45) {
    if (GREETINGS.some((word) => startsWithWord(bytes, start, end, word) && isEnd(bytes, start + word.length, end))) {
      return true;
    }
  }
  while (end > start && isBlank(bytes[end - 1]!)) end--;
  const last = bytes[end - 1]!;
  const wordStart = end - 1 - HTTP_VERSION.length;
  if (last !== 0x30 && last !== 0x31 || wordStart < start) return false;
  for (let i = 0; i < HTTP_VERSION.length; i++) {
    if (bytes[wordStart + i] !== HTTP_VERSION.charCodeAt(i)) return false;
  }
  return wordStart === start || isBlank(bytes[wordStart - 1]!);
}

/** Compares with a word of capitals, in any case. */
export function startsWithWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const byte = bytes[start + i]!;
    const upper = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
    if (upper !== word.charCodeAt(i)) return false;
  }
  return true;
}

function isEnd(bytes: Uint8Array, at: number, end: number): boolean {
  return at === end || isBlank(bytes[at]!);
}
