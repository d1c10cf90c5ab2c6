/**
 * The GoStash dialect (PROTOCOL.md §3). Lengths are ASCII decimals without a sign or a leading zero; keys and values are
 * raw bytes, so that they may hold what parts the fields.
 *
 * ```
 * GET 00 length 00 key 0D 0A                      value 0D 0A, or "ERR" 0D 0A
 * SET 00 length 00 key 00 length 00 value 0D 0A   "OK" 0D 0A
 * INC, DEC, DEL as GET                            number, or "OK", and 0D 0A
 * ```
 *
 * It knows one error, ERR, which also stands for a missing key. Behind a frame that does not fit there is no next one to
 * be found: ERR, then the connection is closed.
 *
 * @module
 */

import { copyBytes } from "../bytes.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import type { Dialect } from "./dialect.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "../integer.ts";
import { INCOMPLETE, INVALID, Payload, type Request, type Response, Status } from "./message.ts";
import { OPCODE } from "./operations.ts";

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0;
const ZERO = 0x30;
/** Three letters and a NUL, as one number. */
const GET = nameNumber("GET");
const SET = nameNumber("SET");
const INC = nameNumber("INC");
const DEC = nameNumber("DEC");
const DEL = nameNumber("DEL");
/** The first bytes of every frame, for detection too. */
export const STASH_STARTS: readonly string[] = ["GET\0", "SET\0", "INC\0", "DEC\0", "DEL\0"];
const NAME_BYTES = 4;
const LINE_END_BYTES = 2;

/** One connection's GoStash dialect, the server's side. */
export class StashDialect implements Dialect {
  readonly name = "stash";
  readonly #maxValueBytes: number;
  /** Made by {@linkcode #readLength}. */
  #length = 0;

  /** @param maxValueBytes longest value that is accepted; a longer one is refused by its length alone */
  constructor(maxValueBytes: number) {
    this.#maxValueBytes = maxValueBytes;
  }

  decode(bytes: Uint8Array, start: number, end: number, request: Request): number {
    request.neededBytes = 0;
    request.errorCode = undefined;
    request.operation = undefined;
    request.opcode = 0;
    if (end - start < NAME_BYTES) return startsName(bytes, start, end) ? INCOMPLETE : unfit(request);
    const name = bytes[start]! << 24 | bytes[start + 1]! << 16 | bytes[start + 2]! << 8 | bytes[start + 3]!;
    const opcode = opcodeOf(name);
    if (opcode === 0) return unfit(request);

    const keyStart = this.#readLength(bytes, start + NAME_BYTES, end, MAX_KEY_BYTES);
    if (keyStart <= INCOMPLETE) return keyStart === INCOMPLETE ? INCOMPLETE : unfit(request);
    const keyLength = this.#length;
    const keyEnd = keyStart + keyLength;
    if (name !== SET) return finish(bytes, start, end, keyEnd, opcode, keyStart, keyLength, request);

    if (keyEnd >= end) {
      request.neededBytes = keyEnd - start + 1 + NAME_BYTES;
      return INCOMPLETE;
    }
    if (bytes[keyEnd] !== NUL) return unfit(request);
    const valueStart = this.#readLength(bytes, keyEnd + 1, end, this.#maxValueBytes);
    if (valueStart <= INCOMPLETE) return valueStart === INCOMPLETE ? INCOMPLETE : unfit(request);
    request.value.point(bytes, valueStart, this.#length);
    return finish(bytes, start, end, valueStart + this.#length, opcode, keyStart, keyLength, request);
  }

  encodedBytes(response: Response): number {
    const valueBytes = response.payload === Payload.VALUE ? response.value.length : 0;
    return Math.max(MAX_INTEGER_BYTES, valueBytes) + LINE_END_BYTES;
  }

  encode(response: Response, _request: Request, output: Uint8Array, at: number): number {
    let end = at;
    if (response.status !== Status.OK || response.payload === Payload.REPLY) {
      output[at] = 0x45; // E
      output[at + 1] = 0x52; // R
      output[at + 2] = 0x52;
      end = at + 3;
    } else if (response.payload === Payload.VALUE) {
      const { bytes, start, length } = response.value;
      copyBytes(bytes, start, output, at, length);
      end = at + length;
    } else if (response.payload === Payload.INTEGER) {
      end = writeInteger(response.integer, output, at);
    } else {
      output[at] = 0x4f; // O
      output[at + 1] = 0x4b; // K
      end = at + 2;
    }
    output[end] = CR;
    output[end + 1] = LF;
    return end + LINE_END_BYTES;
  }

  /** It has no subscribers. */
  encodePush(): undefined {
    return undefined;
  }

  /**
   * Reads the length at `at`, and the NUL behind it, into {@linkcode #length}.
   *
   * @returns the position behind them, or INCOMPLETE, or INVALID if it is none or above `max`
   */
  #readLength(bytes: Uint8Array, at: number, end: number, max: number): number {
    let length = 0;
    for (let i = at; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === NUL && i > at) {
        this.#length = length;
        return i + 1;
      }
      const digit = byte - ZERO;
      // A zero is the only digit of its number; so nobody can send zeros without end.
      if (digit < 0 || digit > 9 || i > at && length === 0) return INVALID;
      length = length * 10 + digit;
      if (length > max) return INVALID;
    }
    return INCOMPLETE;
  }
}

/** Checks the end of the line at `at`; only with it is the request whole. */
function finish(
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
  opcode: number,
  keyStart: number,
  keyLength: number,
  request: Request,
): number {
  if (end < at + LINE_END_BYTES) {
    if (at < end && bytes[at] !== CR) return unfit(request);
    request.neededBytes = at + LINE_END_BYTES - start;
    return INCOMPLETE;
  }
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return unfit(request);
  request.opcode = opcode;
  request.key.point(bytes, keyStart, keyLength);
  request.ttlMs = 0;
  request.delta = 1;
  return at + LINE_END_BYTES - start;
}

function unfit(request: Request): number {
  request.refuse("BAD_REQUEST", "the frame does not fit");
  return INVALID;
}

function opcodeOf(name: number): number {
  switch (name) {
    case GET:
      return OPCODE.GET;
    case SET:
      return OPCODE.SET;
    case INC:
      return OPCODE.INCR;
    case DEC:
      return OPCODE.DECR;
    case DEL:
      return OPCODE.DELETE;
    default:
      return 0;
  }
}

function startsName(bytes: Uint8Array, start: number, end: number): boolean {
  const given = String.fromCharCode(...bytes.subarray(start, end));
  return STASH_STARTS.some((name) => name.startsWith(given));
}

function nameNumber(name: string): number {
  return name.charCodeAt(0) << 24 | name.charCodeAt(1) << 16 | name.charCodeAt(2) << 8;
}
