/**
 * The reply lines of the line dialect (PROTOCOL.md §2), in both accents: exactly one for each command, whatever bytes a
 * value holds.
 *
 * A byte that does not print is written as `\n \r \t` or `\xHH`, a backslash as `\\`; so nobody who wrote a value can
 * end the line or pass it off as another reply. Between double quotes every such value is a word that stands for it: the
 * gocache accent writes it there, with `\"` for a quote. Without them, a value that reads like another reply gets its
 * first byte as `\xHH`.
 *
 * @module
 */

import { type ByteRange, utf8 } from "../bytes.ts";
import type { WireErrorCode } from "../errors.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "../integer.ts";
import type { Agreed } from "./dialect.ts";
import { Payload, type Response, Status } from "./message.ts";
import { Failure, Plain, type Reply } from "./reply.ts";

/** How the outcome of a command is worded. */
export const Wording = {
  /** As it is. */
  ANY: 0,
  /** Whether there was an entry, as 1 or 0. */
  COUNT: 1,
  /** Milliseconds, as seconds; -2 if there is no entry. */
  SECONDS: 2,
  /** PONG, unless there is a word. */
  PONG: 3,
  /** A command with options: a number that is none is the fault of its arguments. */
  OPTIONS: 4,
  /** The commands of this dialect, whatever others there are. */
  COMMANDS: 5,
} as const;

/** One of the numbers of {@linkcode Wording}. */
export type Wording = typeof Wording[keyof typeof Wording];

type Accent = Agreed["accent"];

/** What is said about arguments alone, without a code. */
export const SYNTAX_ERROR = "syntax error";
export const INVALID_ARGUMENTS = "invalid arguments";

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_X = 0x78;
const HEX_DIGITS = utf8("0123456789abcdef");
/** Room for quotes, the end of the line and an escape that a value gets though it prints. */
const FRAME_BYTES = 8;
/** A value up to this is given room for the worst; a longer one is counted. */
const UNCOUNTED_BYTES = 1024;
const MS_PER_SECOND = 1000;

/** What stands behind the backslash for each byte: a letter, `x` for two digits, 0 for what is written as it is. */
const ESCAPES = new Uint8Array(256).fill(LOWER_X).fill(0, 0x20, 0x7f);
ESCAPES[BACKSLASH] = BACKSLASH;
ESCAPES[0x0a] = 0x6e; // n
ESCAPES[0x0d] = 0x72; // r
ESCAPES[0x09] = 0x74; // t

const NOTHING = utf8("(nil)");
const DONE = utf8("OK");
const ONE = utf8("1");
const ZERO = utf8("0");
const NO_ENTRY = utf8("-2");
const PONG = utf8("PONG");
const UNAUTHORIZED = utf8("Unauthorized");
const ERROR_PREFIX: Readonly<Record<Accent, Uint8Array>> = { minigostore: utf8("ERR: "), gocache: utf8("ERROR ") };

/** Upper bound of the bytes that {@linkcode writeReply} writes. */
export function replyBytes(response: Response): number {
  if (response.errorCode !== undefined) {
    return FRAME_BYTES + 64 + 12 * response.errorMessage.length;
  }
  if (response.payload === Payload.VALUE) return valueBytes(response.value) + FRAME_BYTES;
  if (response.payload === Payload.REPLY) return 4 * FRAME_BYTES + structuredBytes(response.reply);
  return MAX_INTEGER_BYTES + FRAME_BYTES;
}

/**
 * Writes the one line that answers a command.
 *
 * @returns the position behind it
 */
export function writeReply(
  response: Response,
  wording: Wording,
  accent: Accent,
  output: Uint8Array,
  at: number,
): number {
  const end = writeContent(response, wording, accent, output, at);
  output[end] = NEWLINE;
  return end + 1;
}

function writeContent(
  response: Response,
  wording: Wording,
  accent: Accent,
  output: Uint8Array,
  at: number,
): number {
  if (response.errorCode !== undefined) {
    return writeError(response.errorCode, response.errorMessage, wording, accent, output, at);
  }
  if (response.status === Status.NOT_FOUND) {
    return write(wording === Wording.COUNT ? ZERO : wording === Wording.SECONDS ? NO_ENTRY : NOTHING, output, at);
  }
  switch (response.payload) {
    case Payload.NONE:
      return write(wording === Wording.COUNT ? ONE : DONE, output, at);
    case Payload.INTEGER: {
      const { integer } = response;
      return writeInteger(wording === Wording.SECONDS ? secondsOf(Number(integer)) : integer, output, at);
    }
    case Payload.VALUE: {
      const { bytes, start, length } = response.value;
      if (wording === Wording.PONG && length === 0) return write(PONG, output, at);
      return writeValue(bytes, start, length, accent, output, at);
    }
    default:
      return writeStructured(response.reply, wording, accent, output, at);
  }
}

function writeStructured(reply: Reply, wording: Wording, accent: Accent, output: Uint8Array, at: number): number {
  if (reply === null) return write(NOTHING, output, at);
  if (typeof reply === "number" || typeof reply === "bigint") return writeInteger(reply, output, at);
  if (typeof reply === "string") reply = utf8(reply);
  if (reply instanceof Uint8Array) return writeValue(reply, 0, reply.length, accent, output, at);
  if (reply instanceof Plain) return writeEscaped(utf8(reply.text), output, at);
  if (reply instanceof Failure) return writeError(reply.code, reply.message, wording, accent, output, at);
  throw new TypeError("Cannot write answer: a line holds no list");
}

function structuredBytes(reply: Reply): number {
  if (reply instanceof Uint8Array) return 4 * reply.length;
  if (typeof reply === "string") return 12 * reply.length;
  if (reply instanceof Plain) return 12 * reply.text.length;
  if (reply instanceof Failure) return 64 + 12 * reply.message.length;
  return MAX_INTEGER_BYTES;
}

function writeError(
  code: WireErrorCode,
  message: string,
  wording: Wording,
  accent: Accent,
  output: Uint8Array,
  at: number,
): number {
  if (code === "AUTH_REQUIRED" && accent === "minigostore") return write(UNAUTHORIZED, output, at);
  at = write(ERROR_PREFIX[accent], output, at);
  return code === "AUTH_REQUIRED"
    ? write(UNAUTHORIZED, output, at)
    : writeEscaped(utf8(errorText(code, message, wording)), output, at);
}

function errorText(code: WireErrorCode, message: string, wording: Wording): string {
  if (code === "UNKNOWN_COMMAND") return "unknown command";
  if (code === "AUTH_FAILED") return "invalid password";
  if (code === "BAD_REQUEST" && (message === SYNTAX_ERROR || message === INVALID_ARGUMENTS)) return message;
  const isArgument = code === "BAD_REQUEST" || code === "NOT_INTEGER";
  return wording === Wording.OPTIONS && isArgument ? INVALID_ARGUMENTS : `${code} ${message}`;
}

function writeValue(
  bytes: Uint8Array,
  start: number,
  length: number,
  accent: Accent,
  output: Uint8Array,
  at: number,
): number {
  if (accent === "gocache") {
    output[at++] = QUOTE;
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i]!;
      if (byte === QUOTE) {
        output[at++] = BACKSLASH;
        output[at++] = QUOTE;
      } else if (ESCAPES[byte] === 0) output[at++] = byte;
      else at = writeEscape(byte, output, at);
    }
    output[at++] = QUOTE;
    return at;
  }
  const begin = at;
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i]!;
    if (ESCAPES[byte] === 0) output[at++] = byte;
    else at = writeEscape(byte, output, at);
  }
  return readsLikeAnother(output, begin, at) ? maskFirst(output, begin, at) : at;
}

/** Whether a bare value is the text of a reply that is no value. */
function readsLikeAnother(output: Uint8Array, start: number, end: number): boolean {
  switch (output[start]) {
    case 0x28: // (
      return end - start === NOTHING.length && startsWith(output, start, NOTHING);
    case 0x45: // E
      return end - start >= ERROR_PREFIX.minigostore.length && startsWith(output, start, ERROR_PREFIX.minigostore);
    case 0x55: // U
      return end - start === UNAUTHORIZED.length && startsWith(output, start, UNAUTHORIZED);
    default:
      return false;
  }
}

/** Writes the first byte of a reply as an escape. */
function maskFirst(output: Uint8Array, start: number, end: number): number {
  const first = output[start]!;
  output.copyWithin(start + 4, start + 1, end);
  output[start] = BACKSLASH;
  output[start + 1] = LOWER_X;
  output[start + 2] = HEX_DIGITS[first >> 4]!;
  output[start + 3] = HEX_DIGITS[first & 15]!;
  return end + 3;
}

function writeEscaped(bytes: Uint8Array, output: Uint8Array, at: number): number {
  for (const byte of bytes) {
    if (ESCAPES[byte] === 0) output[at++] = byte;
    else at = writeEscape(byte, output, at);
  }
  return at;
}

function writeEscape(byte: number, output: Uint8Array, at: number): number {
  output[at++] = BACKSLASH;
  output[at++] = ESCAPES[byte]!;
  if (ESCAPES[byte] !== LOWER_X) return at;
  output[at++] = HEX_DIGITS[byte >> 4]!;
  output[at++] = HEX_DIGITS[byte & 15]!;
  return at;
}

/** Upper bound of a value's bytes on its line. */
function valueBytes({ bytes, start, length }: ByteRange): number {
  if (length <= UNCOUNTED_BYTES) return 4 * length;
  let count = length;
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) count++;
    else if (ESCAPES[byte] !== 0) count += ESCAPES[byte] === LOWER_X ? 3 : 1;
  }
  return count;
}

function secondsOf(ttlMs: number): number {
  return ttlMs < 0 ? ttlMs : Math.ceil(ttlMs / MS_PER_SECOND);
}

function startsWith(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}

function write(text: Uint8Array, output: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) output[at + i] = text[i]!;
  return at + text.length;
}
