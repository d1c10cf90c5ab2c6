/**
 * The bytes of one change of a store, as the records of an append log hold them.
 *
 * ```
 * 1 PUT     u8 kind ‖ u48 expiry ‖ u16 key length ‖ u32 value length ‖ key ‖ value
 * 2 REMOVE  u8 kind ‖ u16 key length ‖ key
 * 3 EXPIRY  u8 kind ‖ u48 expiry ‖ u16 key length ‖ key
 * 4 CLEAR   u8 kind ‖ u16 prefix length ‖ prefix
 * 5 RENAME  u8 kind ‖ u16 length ‖ u16 length of the new key ‖ key ‖ new key
 * ```
 *
 * Numbers are big-endian. An expiry is Unix time in milliseconds, 0 for none. PUT replaces value and expiry; RENAME
 * moves both, over what the new key has.
 *
 * Writing one allocates nothing: it is a part of every request that changes something.
 *
 * @module
 */

import { ByteRange, copyBytes } from "../bytes.ts";
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from "./big_endian.ts";

const PUT = 1;
const REMOVE = 2;
const EXPIRY = 3;
const CLEAR = 4;
const RENAME = 5;

/** What a PUT takes beside key and value. */
export const PUT_BYTES = 13;
/** What a REMOVE takes beside its key. */
export const REMOVE_BYTES = 3;
/** What an EXPIRY takes beside its key. */
export const EXPIRY_BYTES = 9;
/** What a CLEAR takes beside its prefix. */
export const CLEAR_BYTES = 3;
/** What a RENAME takes beside its keys. */
export const RENAME_BYTES = 5;

/** Told the changes of a log, in order. The ranges are valid only during the call. Expiries: Unix ms, 0 = none. */
export interface ChangeVisitor {
  /** A value was stored. */
  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void;
  /** An entry was removed: deleted, expired or evicted. */
  remove(key: ByteRange): void;
  /** An entry got another expiry. */
  expiry(key: ByteRange, expiryUnixMs: number): void;
  /** All entries under a prefix were removed. */
  clear(prefix: ByteRange): void;
  /** An entry moved to another key, over what was there. */
  rename(from: ByteRange, to: ByteRange): void;
}

/** Writes a PUT. As the others here: at `at`, where there is room for it; returns its end. */
export function writePut(
  bytes: Uint8Array,
  at: number,
  key: ByteRange,
  value: ByteRange,
  expiryUnixMs: number,
): number {
  bytes[at] = PUT;
  writeU48(expiryUnixMs, bytes, at + 1);
  writeU16(key.length, bytes, at + 7);
  writeU32(value.length, bytes, at + 9);
  return writeBytes(bytes, writeBytes(bytes, at + PUT_BYTES, key), value);
}

/** Writes a REMOVE. */
export function writeRemove(bytes: Uint8Array, at: number, key: ByteRange): number {
  bytes[at] = REMOVE;
  writeU16(key.length, bytes, at + 1);
  return writeBytes(bytes, at + REMOVE_BYTES, key);
}

/** Writes an EXPIRY. */
export function writeExpiry(bytes: Uint8Array, at: number, key: ByteRange, expiryUnixMs: number): number {
  bytes[at] = EXPIRY;
  writeU48(expiryUnixMs, bytes, at + 1);
  writeU16(key.length, bytes, at + 7);
  return writeBytes(bytes, at + EXPIRY_BYTES, key);
}

/** Writes a CLEAR. */
export function writeClear(bytes: Uint8Array, at: number, prefix: Uint8Array): number {
  bytes[at] = CLEAR;
  writeU16(prefix.length, bytes, at + 1);
  bytes.set(prefix, at + CLEAR_BYTES);
  return at + CLEAR_BYTES + prefix.length;
}

/** Writes a RENAME. */
export function writeRename(bytes: Uint8Array, at: number, from: ByteRange, to: ByteRange): number {
  bytes[at] = RENAME;
  writeU16(from.length, bytes, at + 1);
  writeU16(to.length, bytes, at + 3);
  return writeBytes(bytes, writeBytes(bytes, at + RENAME_BYTES, from), to);
}

function writeBytes(bytes: Uint8Array, at: number, range: ByteRange): number {
  copyBytes(range.bytes, range.start, bytes, at, range.length);
  return at + range.length;
}

const first = new ByteRange();
const second = new ByteRange();

/**
 * Reads the changes between `at` and `end`.
 *
 * @returns how many there were; -1 as soon as one is none of the above or goes beyond `end`, with those before it already
 * told
 */
export function readChanges(bytes: Uint8Array, at: number, end: number, visitor: ChangeVisitor): number {
  let changes = 0;
  for (; at < end; changes++) {
    at = readChange(bytes, at, end, visitor);
    if (at < 0) return -1;
  }
  return changes;
}

/** Returns the change's end, or -1. Of one cut short the lengths are nonsense, but still so large that it ends beyond. */
function readChange(bytes: Uint8Array, at: number, end: number, visitor: ChangeVisitor): number {
  switch (bytes[at]) {
    case PUT: {
      const valueStart = pointFirst(bytes, at + PUT_BYTES, readU16(bytes, at + 7));
      const next = pointSecond(bytes, valueStart, readU32(bytes, at + 9));
      if (next > end) return -1;
      visitor.put(first, second, readU48(bytes, at + 1));
      return next;
    }
    case REMOVE: {
      const next = pointFirst(bytes, at + REMOVE_BYTES, readU16(bytes, at + 1));
      if (next > end) return -1;
      visitor.remove(first);
      return next;
    }
    case EXPIRY: {
      const next = pointFirst(bytes, at + EXPIRY_BYTES, readU16(bytes, at + 7));
      if (next > end) return -1;
      visitor.expiry(first, readU48(bytes, at + 1));
      return next;
    }
    case CLEAR: {
      const next = pointFirst(bytes, at + CLEAR_BYTES, readU16(bytes, at + 1));
      if (next > end) return -1;
      visitor.clear(first);
      return next;
    }
    case RENAME: {
      const toStart = pointFirst(bytes, at + RENAME_BYTES, readU16(bytes, at + 1));
      const next = pointSecond(bytes, toStart, readU16(bytes, at + 3));
      if (next > end) return -1;
      visitor.rename(first, second);
      return next;
    }
    default:
      return -1;
  }
}

function pointFirst(bytes: Uint8Array, start: number, length: number): number {
  first.point(bytes, start, length);
  return start + length;
}

function pointSecond(bytes: Uint8Array, start: number, length: number): number {
  second.point(bytes, start, length);
  return start + length;
}
