/**
 * Answers in RESP2 and RESP3: how each {@linkcode Reply} and each error is written. Sizes are counted first, then
 * everything is written straight into the connection's output.
 *
 * @module
 */

import { copyBytes } from "../bytes.ts";
import type { WireErrorCode } from "../errors.ts";
import type { Integer } from "../integer.ts";
import type { Push } from "./dialect.ts";
import { writeInteger as writeDigits } from "../integer.ts";
import { Decimal, Failure, NoArray, Plain, type Reply } from "./reply.ts";

/** Version of the protocol, as agreed on with HELLO. */
export type RespVersion = 2 | 3;

/** A type byte, 20 digits and the end of the line. */
const MAX_HEAD_BYTES = 23;
/** UTF-8 needs at most so many bytes for one unit of a string. */
const MAX_UTF8_BYTES_PER_UNIT = 3;

const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const MINUS = byteOf("-");
const PLUS = byteOf("+");
const DOLLAR = byteOf("$");
const COLON = byteOf(":");
const STAR = byteOf("*");
const COMMA = byteOf(",");
const PERCENT = byteOf("%");
const TILDE = byteOf("~");
const MORE = byteOf(">");
const RESP2_NULL = "$-1";
const RESP2_NO_ARRAY = "*-1";
const RESP3_NULL = "_";
/** Redis' error words, and one of our own; what is not here is ERR. */
const PREFIXES: { readonly [code in WireErrorCode]?: string } = {
  AUTH_REQUIRED: "NOAUTH",
  AUTH_FAILED: "WRONGPASS",
  FORBIDDEN: "NOPERM",
  SEALED_ONLY: "SEALED_ONLY",
  BUSY: "BUSY",
  STORAGE: "MISCONF",
};
const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
/** Redis' error words that no code stands for: a message that starts with one brings it along. */
const OWN_PREFIX = /^(?:EXECABORT|NOPROTO|NOTBUSY|MISCONF|LOADING) /;

const encoder = new TextEncoder();

function byteOf(character: string): number {
  return character.charCodeAt(0);
}

/** Upper bound of what {@linkcode writeReply} will write. */
export function replyBytes(reply: Reply): number {
  if (typeof reply === "string") return 2 * MAX_HEAD_BYTES + MAX_UTF8_BYTES_PER_UNIT * reply.length;
  if (reply instanceof Uint8Array) return MAX_HEAD_BYTES + reply.length + 2;
  if (reply instanceof Plain) return 1 + reply.text.length + 2;
  if (reply instanceof Failure) return errorBytes(reply.message);
  if (reply instanceof Decimal) return MAX_HEAD_BYTES + reply.digits.length + 2;
  if (reply instanceof Map) {
    let bytes = MAX_HEAD_BYTES;
    for (const [key, value] of reply) bytes += replyBytes(key) + replyBytes(value);
    return bytes;
  }
  if (Array.isArray(reply) || reply instanceof Set) {
    let bytes = MAX_HEAD_BYTES;
    for (const part of reply) bytes += replyBytes(part);
    return bytes;
  }
  return MAX_HEAD_BYTES;
}

/** Writes an answer at `at` and returns the position behind it. */
export function writeReply(reply: Reply, version: RespVersion, output: Uint8Array, at: number): number {
  switch (typeof reply) {
    case "number":
    case "bigint":
      return writeHead(COLON, reply, output, at);
    case "boolean":
      return writeLine(version === 3 ? (reply ? "#t" : "#f") : (reply ? ":1" : ":0"), output, at);
    case "string":
      return writeText(reply, output, at);
  }
  if (reply === null) return writeNull(version, output, at);
  if (reply instanceof Uint8Array) return writeBulk(reply, 0, reply.length, output, at);
  if (reply instanceof Plain) {
    output[at] = PLUS;
    return writeLine(reply.text, output, at + 1);
  }
  if (reply instanceof Failure) return writeError(reply.code, reply.message, output, at);
  if (reply instanceof NoArray) return writeLine(version === 3 ? RESP3_NULL : RESP2_NO_ARRAY, output, at);
  if (reply instanceof Decimal) {
    if (version === 2) return writeText(reply.digits, output, at);
    output[at] = COMMA;
    return writeLine(reply.digits, output, at + 1);
  }
  if (reply instanceof Map) {
    let end = version === 3 ? writeHead(PERCENT, reply.size, output, at) : writeHead(STAR, 2 * reply.size, output, at);
    for (const [key, value] of reply) {
      end = writeReply(value, version, output, writeReply(key, version, output, end));
    }
    return end;
  }
  const parts = reply as readonly Reply[] | ReadonlySet<Reply>;
  let end = parts instanceof Set
    ? writeHead(version === 3 ? TILDE : STAR, parts.size, output, at)
    : writeHead(STAR, (parts as readonly Reply[]).length, output, at);
  for (const part of parts) end = writeReply(part, version, output, end);
  return end;
}

/** What is not there. */
export function writeNull(version: RespVersion, output: Uint8Array, at: number): number {
  return writeLine(version === 3 ? RESP3_NULL : RESP2_NULL, output, at);
}

/** A value. */
export function writeBulk(bytes: Uint8Array, start: number, length: number, output: Uint8Array, at: number): number {
  const from = writeHead(DOLLAR, length, output, at);
  copyBytes(bytes, start, output, from, length);
  return writeLineEnd(output, from + length);
}

/** A number. */
export function writeInteger(value: Integer, output: Uint8Array, at: number): number {
  return writeHead(COLON, value, output, at);
}

/** Upper bound of what {@linkcode writeError} will write. */
export function errorBytes(message: string): number {
  return OUT_OF_MEMORY.length + MAX_UTF8_BYTES_PER_UNIT * message.length + 3;
}

/**
 * An error in Redis' words. A message may quote what a client sent: control characters in it become spaces, or they
 * could end the line and forge the next reply (CVE-2025-67733).
 */
export function writeError(code: WireErrorCode, message: string, output: Uint8Array, at: number): number {
  output[at] = MINUS;
  const { written } = encoder.encodeInto(errorText(code, message), output.subarray(at + 1));
  const end = at + 1 + written;
  for (let i = at + 1; i < end; i++) if (output[i]! < 0x20 || output[i] === 0x7f) output[i] = 0x20;
  return writeLineEnd(output, end);
}

function errorText(code: WireErrorCode, message: string): string {
  if (code === "OUT_OF_MEMORY") return OUT_OF_MEMORY;
  return OWN_PREFIX.test(message) ? message : `${PREFIXES[code] ?? "ERR"} ${message}`;
}

/** What a subscriber is told. */
export function encodePush(push: Push, version: RespVersion): Uint8Array {
  const { kind, subscription, channel, message, count } = push;
  const parts: Reply[] = [kind];
  if (kind === "message") parts.push(channel!, message!);
  else if (kind === "pmessage") parts.push(subscription, channel!, message!);
  else parts.push(subscription, count!);
  const output = new Uint8Array(replyBytes(parts));
  const end = writeReply(parts, version, output, 0);
  // The third version tells pushes from replies by their first byte; they are written alike.
  if (version === 3) output[0] = MORE;
  return output.subarray(0, end);
}

function writeText(text: string, output: Uint8Array, at: number): number {
  const bytes = encoder.encode(text);
  return writeBulk(bytes, 0, bytes.length, output, at);
}

/** ASCII and the end of its line. */
function writeLine(text: string, output: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) output[at + i] = text.charCodeAt(i);
  return writeLineEnd(output, at + text.length);
}

/** A type, a number and the end of the line. */
function writeHead(type: number, value: Integer, output: Uint8Array, at: number): number {
  output[at] = type;
  return writeLineEnd(output, writeDigits(value, output, at + 1));
}

function writeLineEnd(output: Uint8Array, at: number): number {
  output[at] = CARRIAGE_RETURN;
  output[at + 1] = LINE_FEED;
  return at + 2;
}
