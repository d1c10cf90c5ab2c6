/**
 * The bytes of a snapshot: a header, blocks of entries, and a block that ends it; nothing between and nothing behind.
 *
 * ```
 * header                                   block
 *  0  7  "CMEMSNP"                          0  4  length of the body
 *  7  1  format version, 1                  4  4  checksum of generation u64 ‖ number of the block u64 ‖ length u32
 *  8  8  generation                         8  4  checksum of the body
 * 16  8  Unix ms of the point in time      12  n  body: entry*
 * 24  4  checksum of the 24 before
 *
 * entry                                    last block
 *  0  6  expiry in Unix ms, 0 = none        0  4  0xFFFFFFFF
 *  6  2  key length                         4  8  checksums as above, of a body of 16 bytes
 *  8  4  value length                      12  8  entries in all
 * 12  n  key, value                        20  8  blocks before this one
 * ```
 *
 * All numbers are big-endian, all checksums CRC-32. Blocks are numbered from 0. So a length is believed only after its own
 * checksum, before anything of that length is read; and a block at another place, or from another snapshot, is none.
 *
 * @module
 */

import { ByteRange, copyBytes } from "../bytes.ts";
import { readU16, readU32, readU48, readU64, writeU16, writeU32, writeU48, writeU64 } from "./big_endian.ts";
import { crc32 } from "./checksum.ts";
import { checkHeader } from "./unusable_file.ts";

/** Bytes of a snapshot before its first block. */
export const SNAPSHOT_HEADER_BYTES = 28;
/** Bytes of a block before its body. */
export const BLOCK_HEADER_BYTES = 12;
/** Bytes of an entry before its key. */
export const ENTRY_HEADER_BYTES = 12;
/** What the last block tells as its length. */
export const END_LENGTH = 0xffff_ffff;
/** What its body really has. */
export const END_BODY_BYTES = 16;
/** The latest expiry that 48 bits can tell; a later one, beyond the year 10889, is written as this. */
export const MAX_EXPIRY_UNIX_MS = 2 ** 48 - 1;

/** "CMEMSNP" and the format version. */
const MAGIC = new Uint8Array([0x43, 0x4d, 0x45, 0x4d, 0x53, 0x4e, 0x50, 1]);

/** What a snapshot says of itself. */
export interface SnapshotHeader {
  /** Which log goes on from it. */
  readonly generation: number;
  /** Unix time of the moment whose entries it holds, in milliseconds. */
  readonly takenUnixMs: number;
}

/** Told the entries of a snapshot; the ranges are valid only during the call. Expiry: Unix ms, 0 = none. */
export type EntryVisitor = (key: ByteRange, value: ByteRange, expiryUnixMs: number) => void;

/** The bytes of a header. */
export function snapshotHeader({ generation, takenUnixMs }: SnapshotHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SNAPSHOT_HEADER_BYTES);
  bytes.set(MAGIC);
  writeU64(generation, bytes, 8);
  writeU64(takenUnixMs, bytes, 16);
  writeU32(crc32(bytes.subarray(0, 24)), bytes, 24);
  return bytes;
}

/**
 * What a header says.
 *
 * @param bytes the first of the file: as many as a header has, or all there are
 * @throws {UnusableFileError} if it is no header, or not a good one
 */
export function readSnapshotHeader(bytes: Uint8Array, file: string): SnapshotHeader {
  checkHeader(file, bytes, SNAPSHOT_HEADER_BYTES, MAGIC);
  return { generation: readU64(bytes, 8), takenUnixMs: readU64(bytes, 16) };
}

/** Write an entry at `at`, where there is room for it. Returns its end. */
export function writeEntry(
  bytes: Uint8Array,
  at: number,
  key: ByteRange,
  value: ByteRange,
  expiryUnixMs: number,
): number {
  const keyStart = at + ENTRY_HEADER_BYTES, valueStart = keyStart + key.length;
  // What expired before 1970 by a clock set wrong must not come back without an expiry.
  writeU48(expiryUnixMs === 0 ? 0 : Math.min(MAX_EXPIRY_UNIX_MS, Math.max(1, expiryUnixMs)), bytes, at);
  writeU16(key.length, bytes, at + 6);
  writeU32(value.length, bytes, at + 8);
  copyBytes(key.bytes, key.start, bytes, keyStart, key.length);
  copyBytes(value.bytes, value.start, bytes, valueStart, value.length);
  return valueStart + value.length;
}

const entryKey = new ByteRange();
const entryValue = new ByteRange();

/** Visit the entries that fill `bytes` up to `end`. Returns how many; -1 if the last ends elsewhere. */
export function readEntries(bytes: Uint8Array, end: number, visit: EntryVisitor): number {
  let entries = 0;
  for (let at = 0; at < end; entries++) {
    const keyStart = at + ENTRY_HEADER_BYTES;
    if (keyStart > end) return -1;
    const keyBytes = readU16(bytes, at + 6), valueBytes = readU32(bytes, at + 8);
    const valueStart = keyStart + keyBytes, next = valueStart + valueBytes;
    if (next > end) return -1;
    entryKey.point(bytes, keyStart, keyBytes);
    entryValue.point(bytes, valueStart, valueBytes);
    visit(entryKey, entryValue, readU48(bytes, at));
    at = next;
  }
  return entries;
}

/** Write the header of a block that begins `bytes`; its body lies behind it. */
export function writeBlockHeader(bytes: Uint8Array, generation: number, number: number, bodyBytes: number): void {
  const body = bytes.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + bodyBytes);
  writeHeaderOf(body, bodyBytes, bytes, generation, number);
}

/** The bytes of the last block. */
export function endBlock(generation: number, entries: number, blocks: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES + END_BODY_BYTES);
  writeU64(entries, bytes, BLOCK_HEADER_BYTES);
  writeU64(blocks, bytes, BLOCK_HEADER_BYTES + 8);
  writeHeaderOf(bytes.subarray(BLOCK_HEADER_BYTES), END_LENGTH, bytes, generation, blocks);
  return bytes;
}

/** The length that a block's header tells; -1 if it is none, or not that of this block. */
export function blockLength(header: Uint8Array, generation: number, number: number): number {
  const length = readU32(header, 0);
  return readU32(header, 4) === placeChecksum(generation, number, length) ? length : -1;
}

/** The checksum of the body that a block's header tells. */
export function bodyChecksum(header: Uint8Array): number {
  return readU32(header, 8);
}

/** What the body of the last block tells. */
export function readEnd(body: Uint8Array): { readonly entries: number; readonly blocks: number } {
  return { entries: readU64(body, 0), blocks: readU64(body, 8) };
}

function writeHeaderOf(body: Uint8Array, length: number, header: Uint8Array, generation: number, number: number): void {
  writeU32(length, header, 0);
  writeU32(placeChecksum(generation, number, length), header, 4);
  writeU32(crc32(body), header, 8);
}

const place = new Uint8Array(20);

function placeChecksum(generation: number, number: number, length: number): number {
  writeU64(generation, place, 0);
  writeU64(number, place, 8);
  writeU32(length, place, 16);
  return crc32(place);
}
