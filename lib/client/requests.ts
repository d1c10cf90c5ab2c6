/**
 * What a client asks a server, as frames, and how it reads the answers. A server may answer anything: what does not fit
 * the question is an error, and nothing is taken from it.
 *
 * @module
 */

import { strictTextOf } from "../bytes.ts";
import { encodeRequest } from "../codec/cm.ts";
import { Status } from "../codec/message.ts";
import { OPCODE } from "../codec/operations.ts";
import type { JsonValue } from "../crypto/value.ts";
import { CryptomemError } from "../errors.ts";
import { describe } from "./call.ts";
import type { Reply } from "./reply_reader.ts";
import { serverError } from "./server_error.ts";

/** Names the state of a value; the server made it up. */
export type Version = Uint8Array;

/** Bytes of a version, which stands before a value. */
export const VERSION_BYTES = 8;
const CURSOR_BYTES = 8;
const COUNT_BYTES = 4;
const NAME_LENGTH_BYTES = 2;
const NS_PER_MS = 1_000_000n;
const NO_EXPIRY = -1n;
const NO_BYTES = new Uint8Array(0);

/** The version of an entry that is not there. */
export const NO_VERSION: Version = new Uint8Array(VERSION_BYTES);
/** The cursor at which a scan starts, and which ends it. */
export const FIRST_CURSOR = 0n;

/** What else than OK is an answer and no error: that the entry is not there, or is there already, or is another. */
const REFUSALS: Readonly<Record<number, readonly number[]>> = {
  [OPCODE.GET]: [Status.NOT_FOUND],
  [OPCODE.GETV]: [Status.NOT_FOUND],
  [OPCODE.TAKE]: [Status.NOT_FOUND],
  [OPCODE.DELETE]: [Status.NOT_FOUND],
  [OPCODE.EXISTS]: [Status.NOT_FOUND],
  [OPCODE.TTL]: [Status.NOT_FOUND],
  [OPCODE.TOUCH]: [Status.NOT_FOUND],
  [OPCODE.REPLACE]: [Status.NOT_FOUND],
  [OPCODE.ADD]: [Status.CONFLICT],
  [OPCODE.CAS]: [Status.NOT_FOUND, Status.CONFLICT],
};

/**
 * Whether a request was carried out, rather than refused for what there is or is not.
 *
 * @param opcode of the request
 * @param key the caller's key, for messages
 * @throws CryptomemError for every other answer
 */
export function wasDone(opcode: number, reply: Reply, verb: string, key?: string): boolean {
  const { status } = reply;
  if (status === Status.OK) return true;
  if (REFUSALS[opcode]?.includes(status)) return false;
  // It carries no text; here it answers a request that knows no such outcome.
  if (status === Status.NOT_FOUND) throw malformed(verb, key, `with status ${status}`);
  throw serverError(describe(verb, key), reply.value);
}

/** A request of a key alone, or of a key and a time to live. */
export function keyRequest(opcode: number, wireKey: Uint8Array, ttlMs = 0): Uint8Array {
  return encodeRequest(opcode, wireKey, NO_BYTES, ttlMs);
}

/** CAS. */
export function casRequest(wireKey: Uint8Array, version: Version, value: Uint8Array, ttlMs: number): Uint8Array {
  const versioned = new Uint8Array(VERSION_BYTES + value.length);
  versioned.set(version);
  versioned.set(value, VERSION_BYTES);
  return encodeRequest(OPCODE.CAS, wireKey, versioned, ttlMs);
}

/** SCAN. */
export function scanRequest(wirePrefix: Uint8Array, cursor: bigint, count: number): Uint8Array {
  const value = new DataView(new ArrayBuffer(CURSOR_BYTES + COUNT_BYTES));
  value.setBigUint64(0, cursor);
  value.setUint32(CURSOR_BYTES, count);
  return encodeRequest(OPCODE.SCAN, wirePrefix, new Uint8Array(value.buffer), 0);
}

/** What GETV answers: a version, and the value behind it. */
export function versionedValueOf({ value }: Reply, verb: string, key: string): { version: Version; value: Uint8Array } {
  if (value.length < VERSION_BYTES) throw malformed(verb, key, "without a version");
  return { version: value.subarray(0, VERSION_BYTES), value: value.subarray(VERSION_BYTES) };
}

/** What TTL answers: whole milliseconds left, 0 for no expiry. */
export function ttlMsOf({ value }: Reply, verb: string, key: string): number {
  const ttl = value.length === 8 ? viewOf(value).getBigInt64(0) : undefined;
  if (ttl === NO_EXPIRY) return 0;
  if (ttl === undefined || ttl <= 0n) throw malformed(verb, key, "with no time to live");
  return Math.max(1, Number(ttl / NS_PER_MS));
}

/** What CLEAR answers: how many entries. */
export function countOf({ value }: Reply, verb: string): number {
  if (value.length !== 8) throw malformed(verb, undefined, "without a count");
  return Number(viewOf(value).getBigUint64(0));
}

/** What SCAN answers: where to go on, and the server's names of some entries. */
export function pageOf({ value }: Reply, verb: string): { cursor: bigint; wireKeys: Uint8Array[] } {
  if (value.length < CURSOR_BYTES) throw malformed(verb, undefined, "without a cursor");
  const view = viewOf(value);
  const wireKeys: Uint8Array[] = [];
  for (let at = CURSOR_BYTES; at < value.length;) {
    const start = at + NAME_LENGTH_BYTES;
    at = start <= value.length ? start + view.getUint16(at) : Infinity;
    if (at > value.length) throw malformed(verb, undefined, "with a name cut off");
    wireKeys.push(value.subarray(start, at));
  }
  return { cursor: view.getBigUint64(0), wireKeys };
}

/** What STATS answers: an object. */
export function statisticsOf({ value }: Reply, verb: string): Record<string, JsonValue> {
  let statistics: unknown;
  try {
    statistics = JSON.parse(strictTextOf(value));
  } catch {
    // said below
  }
  if (typeof statistics !== "object" || statistics === null || Array.isArray(statistics)) {
    throw malformed(verb, undefined, "without statistics");
  }
  return statistics as Record<string, JsonValue>;
}

/** The error for an answer that its request does not have. */
export function malformed(verb: string, key: string | undefined, state: string): CryptomemError {
  return new CryptomemError("INTERNAL", `Cannot ${describe(verb, key)}: the server answered ${state}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
