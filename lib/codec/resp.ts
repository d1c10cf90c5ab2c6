/**
 * RESP, the protocol of Redis, in its versions 2 and 3, as Redis 7.0 reads and writes it.
 *
 * ```
 * request: an array of words                 or inline: a line of words
 * *<count>\r\n                               GET k\r\n
 * $<length>\r\n<word>\r\n     count times
 * ```
 *
 * The plainest GET, SET, INCR and DECR become typed requests and are read in one pass over the bytes; every other
 * command is an argument form. Other arrays are read by resp_array.ts and lines by resp_inline.ts;
 * resp_request.ts tells what their words ask for, resp_reply.ts writes answers.
 *
 * @module
 */

import { MAX_RESP_LINE_BYTES } from "../limits.ts";
import type { Agreed, Dialect, Push } from "./dialect.ts";
import { INCOMPLETE, INVALID, Payload, type Request, type Response, Status } from "./message.ts";
import { OPCODE } from "./operations.ts";
import { RespArray } from "./resp_array.ts";
import { splitInline } from "./resp_inline.ts";
import {
  encodePush,
  errorBytes,
  replyBytes,
  writeBulk,
  writeError,
  writeInteger,
  writeNull,
  writeReply,
} from "./resp_reply.ts";
import { refuseProtocol, settle, startWords } from "./resp_request.ts";
import { isForeign } from "./text_words.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const DOLLAR = 0x24;
const STAR = 0x2a;
const ZERO = 0x30;
const TWO = 0x32;
const THREE = 0x33;
const FOUR = 0x34;
const LINE_END_BYTES = 2;

/** Capital letters in a number; a name's bytes are made capital by the same bits. */
const CAPITALS_3 = 0xdfdfdf;
const CAPITALS_4 = 0xdfdfdfdf | 0;
const GET = packed("GET");
const SET = packed("SET");
const INCR = packed("INCR");
const DECR = packed("DECR");
/** Where the name starts, behind `*2\r\n$3\r\n`. */
const PLAIN_NAME_AT = 8;

/** Upper bound of an answer that is a number, an outcome, or all of a value but its bytes. */
const SHORT_ANSWER_BYTES = 32;
const OK_LINE = Uint8Array.of(0x2b, 0x4f, 0x4b, CARRIAGE_RETURN, LINE_FEED);

/** The server's side of one connection. */
export class RespDialect implements Dialect {
  readonly name = "resp";
  readonly #maxValueBytes: number;
  readonly #agreed: Agreed;
  readonly #array: RespArray;
  /** Bytes of an inline command in which its end has been looked for. */
  #searched = 0;
  /** Set by {@linkcode #readPlainLength}: the position behind the line. */
  #behind = 0;

  /**
   * @param maxValueBytes longest word that is accepted; a longer one is refused by its announced length
   * @param agreed which version answers are written in
   */
  constructor(maxValueBytes: number, agreed: Agreed) {
    this.#maxValueBytes = maxValueBytes;
    this.#agreed = agreed;
    this.#array = new RespArray(maxValueBytes, agreed);
  }

  decode(bytes: Uint8Array, start: number, end: number, request: Request): number {
    request.opcode = 0;
    request.operation = undefined;
    request.errorCode = undefined;
    request.neededBytes = 0;
    if (bytes[start] !== STAR) return this.#decodeInline(bytes, start, end, request);
    if (!this.#array.hasBegun) {
      const length = this.#decodePlain(bytes, start, end, request);
      if (length > 0) return length;
    }
    return this.#array.decode(bytes, start, end, request);
  }

  encodedBytes(response: Response): number {
    if (response.errorCode !== undefined) return errorBytes(response.errorMessage);
    if (response.payload === Payload.VALUE) return SHORT_ANSWER_BYTES + response.value.length;
    return response.payload === Payload.REPLY ? replyBytes(response.reply) : SHORT_ANSWER_BYTES;
  }

  encode(response: Response, _request: Request, output: Uint8Array, at: number): number {
    if (response.errorCode !== undefined) return writeError(response.errorCode, response.errorMessage, output, at);
    switch (response.payload) {
      case Payload.VALUE: {
        const { bytes, start, length } = response.value;
        return writeBulk(bytes, start, length, output, at);
      }
      case Payload.INTEGER:
        return writeInteger(response.integer, output, at);
      case Payload.REPLY:
        return writeReply(response.reply, this.#agreed.respVersion, output, at);
      default:
        if (response.status === Status.NOT_FOUND) return writeNull(this.#agreed.respVersion, output, at);
        for (let i = 0; i < OK_LINE.length; i++) output[at + i] = OK_LINE[i]!;
        return at + OK_LINE.length;
    }
  }

  encodePush(push: Push): Uint8Array {
    return encodePush(push, this.#agreed.respVersion);
  }

  /**
   * Reads what most requests are: a complete GET, SET, INCR or DECR without options. May look at bytes behind `end`,
   * which mean nothing; it counts only if it ends before.
   *
   * @returns 0 for all others, whatever is wrong with them
   */
  #decodePlain(bytes: Uint8Array, start: number, end: number, request: Request): number {
    const isPair = bytes[start + 1] === TWO;
    if (!isPair && bytes[start + 1] !== THREE || bytes[start + 2] !== CARRIAGE_RETURN) return 0;
    if (bytes[start + 4] !== DOLLAR || bytes[start + 6] !== CARRIAGE_RETURN) return 0;
    const nameAt = start + PLAIN_NAME_AT;
    let name = bytes[nameAt]! << 16 | bytes[nameAt + 1]! << 8 | bytes[nameAt + 2]!;
    let opcode = 0, nameBytes = 3;
    if (bytes[start + 5] === THREE) {
      name &= CAPITALS_3;
      if (name === GET && isPair) opcode = OPCODE.GET;
      else if (name === SET && !isPair) opcode = OPCODE.SET;
    } else if (bytes[start + 5] === FOUR && isPair) {
      name = (name << 8 | bytes[nameAt + 3]!) & CAPITALS_4;
      nameBytes = 4;
      if (name === INCR) opcode = OPCODE.INCR;
      else if (name === DECR) opcode = OPCODE.DECR;
    }
    if (opcode === 0) return 0;

    const keyLength = this.#readPlainLength(bytes, nameAt + nameBytes + LINE_END_BYTES);
    const keyAt = this.#behind;
    if (keyLength < 0) return 0;
    let behind = keyAt + keyLength + LINE_END_BYTES, valueLength = 0;
    if (!isPair) {
      valueLength = this.#readPlainLength(bytes, behind);
      if (valueLength < 0) return 0;
      behind = this.#behind + valueLength + LINE_END_BYTES;
    }
    if (behind > end) return 0;
    request.opcode = opcode;
    request.key.point(bytes, keyAt, keyLength);
    request.value.point(bytes, isPair ? keyAt : this.#behind, valueLength);
    request.ttlMs = 0;
    request.delta = 1;
    return behind - start;
  }

  /** The length of the word whose line starts at `at`, -1 if there is anything unusual about it. */
  #readPlainLength(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== DOLLAR) return -1;
    let digit = bytes[at + 1]! - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    let length = digit, next = at + 2;
    for (;; next++) {
      digit = bytes[next]! - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      if (length === 0) return -1;
      length = length * 10 + digit;
      if (length > this.#maxValueBytes) return -1;
    }
    if (bytes[next] !== CARRIAGE_RETURN || length > this.#maxValueBytes) return -1;
    this.#behind = next + LINE_END_BYTES;
    return length;
  }

  #decodeInline(bytes: Uint8Array, start: number, end: number, request: Request): number {
    const from = start + Math.min(this.#searched, end - start);
    const found = bytes.subarray(from, end).indexOf(LINE_FEED);
    this.#searched = found < 0 ? end - start : 0;
    const length = found < 0 ? end - start : from + found + 1 - start;
    if (length > MAX_RESP_LINE_BYTES) return refuseProtocol(request, "too big inline request");
    if (found < 0) return INCOMPLETE;
    // A browser that was made to connect here: nothing is answered, and nothing behind this line is read.
    if (isForeign(bytes, start, start + lineLength(bytes, start, length))) return INVALID;
    const words = splitInline(bytes.subarray(start, start + length));
    if (words === undefined) return refuseProtocol(request, "unbalanced quotes in request");
    const [name, ...rest] = words;
    if (name === undefined) return length;
    startWords(request, rest.length);
    for (const word of rest) request.addWord(word, 0, word.length);
    settle(request, name, 0, name.length);
    return length;
  }
}

/** Length of a line without its end. */
function lineLength(bytes: Uint8Array, start: number, length: number): number {
  return length > 1 && bytes[start + length - 2] === CARRIAGE_RETURN ? length - 2 : length - 1;
}

/** A name's letters as one number. */
function packed(name: string): number {
  let number = 0;
  for (let i = 0; i < name.length; i++) number = number << 8 | name.charCodeAt(i);
  return number;
}
