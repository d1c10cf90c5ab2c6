/**
 * The CM binary dialect (PROTOCOL.md §1), both sides. All integers are big-endian.
 *
 * ```
 * request                                     response
 * offset size field                           offset size field
 * 0      2    magic    "CM"                   0      2    magic  "CM"
 * 2      1    command  u8                     2      1    status u8
 * 3      2    keyLen   u16                    3      4    valLen u32
 * 5      4    valLen   u32                    7      valLen      value
 * 9      8    ttl      i64 nanoseconds
 * 17     keyLen        key
 * 17+keyLen valLen     value
 * ```
 *
 * @module
 */

import { copyBytes, utf8 } from "../bytes.ts";
import type { Integer } from "../integer.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import type { Dialect, Push } from "./dialect.ts";
import { INCOMPLETE, INVALID, Payload, type Request, type Response, Status } from "./message.ts";
import { OPCODE, OPERATIONS } from "./operations.ts";

/** Bytes of a request before its key. */
export const REQUEST_HEADER_BYTES = 17;
/** Bytes of a response before its value. */
export const RESPONSE_HEADER_BYTES = 7;
/** Longest time to live that fits the header's i64 of nanoseconds, in milliseconds: about 292 years. */
export const MAX_TTL_MS = 9_223_372_036_854;

const MAGIC_0 = 0x43; // C
const MAGIC_1 = 0x4d; // M
const NANOSECONDS_PER_MS = 1_000_000;
/** 2^32 ns are 4294 ms and this many ns: lets an i64 of ns become ms without leaving exact integers. */
const NANOSECONDS_BEYOND_MS_IN_2_32 = 967_296;
const WHOLE_MS_IN_2_32_NANOSECONDS = 4294;

const KNOWN = 1;
const KEY = 2;
const OPTIONAL_KEY = 4;
const VALUE = 8;
const TTL = 16;
/** What each command byte takes, as bits: the shape check of a request is one lookup. */
const SHAPES = new Uint8Array(256);
for (const { opcode, takes } of OPERATIONS) {
  if (opcode === 0) continue;
  const key = takes.key === "optional" ? OPTIONAL_KEY : takes.key ? KEY : 0;
  SHAPES[opcode] = KNOWN | key | (takes.value ? VALUE : 0) | (takes.ttl ? TTL : 0);
}
/** Commands 1 to 3 are older than statuses 3 and 4 and never answer with them. */
const LAST_ORIGINAL_OPCODE = 3;
const U64_BYTES = 8;
/** SCAN's value: u64 cursor, u32 count. */
const SCAN_VALUE_BYTES = 12;
/** A message pushed to a subscriber. */
const PUSH_STATUS = 5;

/** The server's side: decodes requests, encodes responses. */
export class CmDialect implements Dialect {
  readonly name = "cm";
  readonly #maxValueBytes: number;
  /** Made by encodedBytes() for encode(), which is called right after it. */
  #structured: Uint8Array = new Uint8Array(0);

  /** @param maxValueBytes longest value that is accepted; a longer one is refused by its header alone */
  constructor(maxValueBytes: number) {
    this.#maxValueBytes = maxValueBytes;
  }

  decode(bytes: Uint8Array, start: number, end: number, request: Request): number {
    const available = end - start;
    request.neededBytes = 0;
    if (available > 0 && bytes[start] !== MAGIC_0 || available > 1 && bytes[start + 1] !== MAGIC_1) {
      request.refuse("BAD_MAGIC", "a frame must start with CM");
      return INVALID;
    }
    if (available < REQUEST_HEADER_BYTES) return INCOMPLETE;

    const opcode = bytes[start + 2]!;
    request.opcode = opcode;
    request.operation = undefined;
    const keyLength = bytes[start + 3]! << 8 | bytes[start + 4]!;
    const valueLength = readU32(bytes, start + 5);
    if (valueLength > this.#maxValueBytes) {
      request.refuse("TOO_LARGE", `the value has ${valueLength} bytes, the limit is ${this.#maxValueBytes}`);
      return INVALID;
    }
    const length = REQUEST_HEADER_BYTES + keyLength + valueLength;
    if (available < length) {
      request.neededBytes = length;
      return INCOMPLETE;
    }

    request.key.point(bytes, start + REQUEST_HEADER_BYTES, keyLength);
    request.value.point(bytes, start + REQUEST_HEADER_BYTES + keyLength, valueLength);
    request.errorCode = undefined;
    const ttlHigh = readU32(bytes, start + 9) | 0;
    const ttlLow = readU32(bytes, start + 13);
    request.ttlMs = ttlHigh === 0 && ttlLow === 0 ? 0 : ttlMsFromNanoseconds(ttlHigh, ttlLow);

    const shape = SHAPES[opcode]!;
    const fits = (keyLength > 0 ? (shape & (KEY | OPTIONAL_KEY)) !== 0 : (shape & KEY) === 0) &&
      (valueLength === 0 || (shape & VALUE) !== 0) &&
      (request.ttlMs === 0 || (shape & TTL) !== 0 && request.ttlMs > 0);
    if (!fits || shape === 0) refuseShape(request, shape);
    else if (opcode > LAST_ORIGINAL_OPCODE) readNumbers(request);
    return length;
  }

  encodedBytes(response: Response, request: Request): number {
    // A message is UTF-16 here and UTF-8 on the wire: at most three bytes a unit.
    if (response.errorCode !== undefined) {
      return RESPONSE_HEADER_BYTES + response.errorCode.length + 1 + 3 * response.errorMessage.length;
    }
    if (response.payload === Payload.REPLY) {
      this.#structured = encodeStructured(response, request);
      return RESPONSE_HEADER_BYTES + this.#structured.length;
    }
    return RESPONSE_HEADER_BYTES + U64_BYTES + (response.payload === Payload.VALUE ? response.value.length : 0);
  }

  encode(response: Response, request: Request, output: Uint8Array, at: number): number {
    if (response.errorCode !== undefined) return encodeError(response, request, output, at);
    const start = at + RESPONSE_HEADER_BYTES;
    if (response.payload === Payload.VALUE && response.version === 0) {
      const { bytes, start: from, length } = response.value;
      writeHeader(output, at, response.status, length);
      if (length > 0) copyBytes(bytes, from, output, start, length);
      return start + length;
    }
    switch (response.payload) {
      case Payload.VALUE: {
        const { bytes, start: from, length } = response.value;
        writeHeader(output, at, response.status, U64_BYTES + length);
        writeI64(output, start, response.version);
        copyBytes(bytes, from, output, start + U64_BYTES, length);
        return start + U64_BYTES + length;
      }
      case Payload.INTEGER:
        writeHeader(output, at, response.status, U64_BYTES);
        writeI64(output, start, integerOf(response, request));
        return start + U64_BYTES;
      case Payload.REPLY:
        writeHeader(output, at, response.status, this.#structured.length);
        output.set(this.#structured, start);
        return start + this.#structured.length;
      default:
        writeHeader(output, at, response.status, 0);
        return start;
    }
  }

  encodePush({ kind, channel, message }: Push): Uint8Array | undefined {
    // A subscription is confirmed by its response.
    if (kind !== "message" && kind !== "pmessage") return undefined;
    const length = 2 + channel!.length + message!.length;
    const push = new Uint8Array(RESPONSE_HEADER_BYTES + length);
    writeHeader(push, 0, PUSH_STATUS, length);
    push[RESPONSE_HEADER_BYTES] = channel!.length >>> 8;
    push[RESPONSE_HEADER_BYTES + 1] = channel!.length;
    push.set(channel!, RESPONSE_HEADER_BYTES + 2);
    push.set(message!, RESPONSE_HEADER_BYTES + 2 + channel!.length);
    return push;
  }
}

/** Reads the numbers that some commands carry in their value. */
function readNumbers(request: Request): void {
  const { opcode, value } = request;
  if (opcode === OPCODE.INCR || opcode === OPCODE.DECR) {
    if (value.length === 0) request.delta = 1;
    else if (value.length === U64_BYTES) request.delta = readI64(value.bytes, value.start);
    else request.refuse("BAD_REQUEST", "the value must be a delta of 8 bytes, or empty");
  } else if (opcode === OPCODE.CAS) {
    if (value.length < U64_BYTES) {
      return request.refuse("BAD_REQUEST", "the value must begin with a version of 8 bytes");
    }
    request.version = Number(readI64(value.bytes, value.start));
    value.point(value.bytes, value.start + U64_BYTES, value.length - U64_BYTES);
  } else if (opcode === OPCODE.SCAN) {
    if (value.length !== SCAN_VALUE_BYTES) {
      return request.refuse("BAD_REQUEST", "the value must be a cursor of 8 bytes and a count of 4");
    }
    request.cursor = Number(readI64(value.bytes, value.start));
    request.count = readU32(value.bytes, value.start + U64_BYTES);
  }
}

/** The one structured answer of this dialect: SCAN's `[cursor, keys]`. */
function encodeStructured({ reply }: Response, { opcode }: Request): Uint8Array {
  if (opcode !== OPCODE.SCAN) throw new TypeError(`Cannot encode answer: command ${opcode} has none with a structure`);
  const [cursor, keys] = reply as [number, Uint8Array[]];
  const bytes = new Uint8Array(keys.reduce((sum, key) => sum + 2 + key.length, U64_BYTES));
  writeI64(bytes, 0, cursor);
  let at = U64_BYTES;
  for (const key of keys) {
    bytes[at] = key.length >>> 8;
    bytes[at + 1] = key.length;
    bytes.set(key, at + 2);
    at += 2 + key.length;
  }
  return bytes;
}

/** TTL is told in milliseconds inside, in nanoseconds here. */
function integerOf({ integer }: Response, { opcode }: Request): Integer {
  return opcode === OPCODE.TTL && integer > 0 ? BigInt(integer) * BigInt(NANOSECONDS_PER_MS) : integer;
}

/** Says which rule of PROTOCOL.md §1.3 a complete frame breaks. */
function refuseShape(request: Request, shape: number): void {
  if (shape === 0) request.refuse("UNKNOWN_COMMAND", `there is no command ${request.opcode}`);
  else if (request.ttlMs < 0) request.refuse("BAD_REQUEST", "the ttl is negative");
  else if ((shape & KEY) !== 0 && request.key.length === 0) request.refuse("BAD_REQUEST", "the key is empty");
  else if ((shape & (KEY | OPTIONAL_KEY)) === 0 && request.key.length > 0) {
    request.refuse("BAD_REQUEST", "this command takes no key");
  } else if ((shape & VALUE) === 0 && request.value.length > 0) {
    request.refuse("BAD_REQUEST", "this command takes no value");
  } else request.refuse("BAD_REQUEST", "this command takes no ttl");
}

/** Milliseconds, rounded up, of an i64 of nanoseconds given as two halves; negative stays negative. Exact. */
function ttlMsFromNanoseconds(high: number, low: number): number {
  if (high < 0) return -1;
  const nanoseconds = high * NANOSECONDS_BEYOND_MS_IN_2_32 + low;
  return high * WHOLE_MS_IN_2_32_NANOSECONDS + Math.ceil(nanoseconds / NANOSECONDS_PER_MS);
}

function encodeError(response: Response, request: Request, output: Uint8Array, at: number): number {
  const value = utf8(`${response.errorCode} ${response.errorMessage}`);
  const status = request.opcode <= LAST_ORIGINAL_OPCODE ? Status.ERROR : response.status;
  writeHeader(output, at, status, value.length);
  output.set(value, at + RESPONSE_HEADER_BYTES);
  return at + RESPONSE_HEADER_BYTES + value.length;
}

function writeHeader(output: Uint8Array, at: number, status: number, valueLength: number): void {
  output[at] = MAGIC_0;
  output[at + 1] = MAGIC_1;
  output[at + 2] = status;
  output[at + 3] = valueLength >>> 24;
  output[at + 4] = valueLength >>> 16;
  output[at + 5] = valueLength >>> 8;
  output[at + 6] = valueLength;
}

function readI64(bytes: Uint8Array, at: number): Integer {
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(at);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function writeI64(bytes: Uint8Array, at: number, value: Integer): void {
  new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(at, BigInt(value));
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/**
 * The client's side: one request as a frame.
 *
 * @param opcode from operations.ts
 * @param key at most 65,535 bytes; longer throws RangeError
 * @param value the value's bytes
 * @param ttlMs milliseconds to live, up to {@linkcode MAX_TTL_MS}; 0 = no expiry
 */
export function encodeRequest(
  opcode: number,
  key: Uint8Array,
  value: Uint8Array,
  ttlMs: number,
): Uint8Array<ArrayBuffer> {
  if (key.length > MAX_KEY_BYTES) {
    throw new RangeError(`Cannot send key: it has ${key.length} bytes, the limit is ${MAX_KEY_BYTES}`);
  }
  const frame = new Uint8Array(REQUEST_HEADER_BYTES + key.length + value.length);
  const view = new DataView(frame.buffer);
  frame[0] = MAGIC_0;
  frame[1] = MAGIC_1;
  frame[2] = opcode;
  view.setUint16(3, key.length);
  view.setUint32(5, value.length);
  if (ttlMs > 0) view.setBigInt64(9, BigInt(Math.ceil(ttlMs)) * BigInt(NANOSECONDS_PER_MS));
  frame.set(key, REQUEST_HEADER_BYTES);
  frame.set(value, REQUEST_HEADER_BYTES + key.length);
  return frame;
}

/** The client's side: header of one response. The value follows it. */
export interface ResponseHeader {
  /** Outcome, PROTOCOL.md §1.2. */
  status: number;
  /** Bytes of the value that follows. */
  valueLength: number;
}

/**
 * Reads a response's header at `start`; the caller waits for and takes the value.
 *
 * @returns {@linkcode RESPONSE_HEADER_BYTES}, or `INCOMPLETE`, or `INVALID` if it does not start with CM
 */
export function decodeResponseHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  header: ResponseHeader,
): number {
  const available = end - start;
  if (available > 0 && bytes[start] !== MAGIC_0 || available > 1 && bytes[start + 1] !== MAGIC_1) return INVALID;
  if (available < RESPONSE_HEADER_BYTES) return INCOMPLETE;
  header.status = bytes[start + 2]!;
  header.valueLength = readU32(bytes, start + 3);
  return RESPONSE_HEADER_BYTES;
}
