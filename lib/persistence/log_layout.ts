/**
 * The bytes of an append log: a header, then records, nothing between and nothing behind.
 *
 * ```
 * header                                              record
 *  0  7  "CMEMLOG"                                     0  4  length of the body, at least 6
 *  7  1  format version, 1                             4  4  distance (below)
 *  8  8  generation                                    8  4  checksum of the body
 * 16  8  Unix ms at which it was begun                12  4  checksum of the 12 bytes before and, in front of them,
 * 24  8  bytes of the log before it; 0: see below            of the record's position as a number of 64 bits
 * 32  4  random                                       16  n  body: u48 Unix ms ‖ change*     (changes.ts)
 * 36  4  checksum of the 36 bytes before
 * ```
 *
 * All numbers are big-endian, all checksums CRC-32 as zlib has it. Those of the records start from the header's
 * checksum in place of 0: so a record is none at any other position and in any other log, and nobody who does not see
 * the file can write a value that looks like a record of it.
 *
 * A record holds the changes of one turn of the event loop, which are there together or not at all. The empty record at
 * an orderly end holds none.
 *
 * The **distance** says how many bytes before the record were not yet known to be on the disk when it was written
 * (0xFFFFFFFF: so many or more). What lies further back had been synced, so if it cannot be read now it was damaged
 * later; what lies nearer may be an unsynced tail that a power cut tore, of which a disk may keep any part. So the one can
 * be told from the other (log_reader.ts).
 *
 * **Bytes of the log before it**: it goes on where that log ends, which was written and synced to this length first. 0
 * where no log comes before, or where changes are missing in between because the log before failed: then it means
 * something only together with the snapshot of its own generation, and nothing before that is complete.
 *
 * @module
 */

import { readU32, readU64, writeU32, writeU64 } from "./big_endian.ts";
import { crc32 } from "./checksum.ts";
import { checkHeader } from "./unusable_file.ts";

/** Bytes of a log before its first record. */
export const LOG_HEADER_BYTES = 40;
/** Bytes of a record before its body. */
export const RECORD_HEADER_BYTES = 16;
/** Bytes of a body before its changes. */
export const RECORD_TIME_BYTES = 6;

/** "CMEMLOG" and the version of the format. */
const MAGIC = Uint8Array.of(0x43, 0x4d, 0x45, 0x4d, 0x4c, 0x4f, 0x47, 1);
const MAX_DISTANCE = 0xffff_ffff;

/** What a log says of itself. */
export interface LogHeader {
  /** Which snapshot it goes on from. */
  readonly generation: number;
  /** Unix time at which it was begun, in milliseconds. */
  readonly begunUnixMs: number;
  /** Length of the log of which this is the continuation; 0 if of none. */
  readonly previousBytes: number;
}

/** Writes a log's header. Returns the checksum that those of its records start from. */
export function writeLogHeader(header: LogHeader, random: number, bytes: Uint8Array): number {
  bytes.set(MAGIC);
  writeU64(header.generation, bytes, 8);
  writeU64(header.begunUnixMs, bytes, 16);
  writeU64(header.previousBytes, bytes, 24);
  writeU32(random, bytes, 32);
  writeU32(crc32(bytes.subarray(0, 36)), bytes, 36);
  return recordSeed(bytes);
}

/**
 * Reads a log's header.
 *
 * @param file its name, for the message
 * @param bytes the first bytes of the file: as many as a header has, or all there are
 * @throws {UnusableFileError} for a file of a stranger or of another version, and for a damaged one
 */
export function readLogHeader(file: string, bytes: Uint8Array): LogHeader {
  checkHeader(file, bytes, LOG_HEADER_BYTES, MAGIC);
  return {
    generation: readU64(bytes, 8),
    begunUnixMs: readU64(bytes, 16),
    previousBytes: readU64(bytes, 24),
  };
}

/** The checksum that those of the records start from, by a header that was written or read. */
export function recordSeed(header: Uint8Array): number {
  return readU32(header, 36);
}

const covered = new Uint8Array(20);

/**
 * Writes the header of a record whose body lies behind it.
 *
 * @param bytes in which the header starts at `at` and the body ends at `end`
 * @param position of the record in its log
 * @param syncedBytes of the log that are known to be on the disk
 */
export function writeRecordHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  position: number,
  syncedBytes: number,
  seed: number,
): void {
  const bodyStart = at + RECORD_HEADER_BYTES;
  writeU32(end - bodyStart, bytes, at);
  writeU32(Math.min(position - syncedBytes, MAX_DISTANCE), bytes, at + 4);
  writeU32(crc32(bytes.subarray(bodyStart, end), seed), bytes, at + 8);
  writeU32(headerChecksum(bytes, at, position, seed), bytes, at + 12);
}

/**
 * The length of a record's body.
 *
 * @param remainingBytes of the log, from the header on
 * @returns -1 if there is no whole header of a record, or none that belongs to this position of this log; the body may
 * still not be whole, and may end beyond the log
 */
export function recordBodyBytes(bytes: Uint8Array, at: number, position: number, seed: number): number {
  const length = readU32(bytes, at);
  if (length < RECORD_TIME_BYTES) return -1;
  return readU32(bytes, at + 12) === headerChecksum(bytes, at, position, seed) ? length : -1;
}

/** How much of a log was known to be on the disk when a record was written, by its header; at least so much. */
export function recordSyncedBytes(bytes: Uint8Array, at: number, position: number): number {
  const distance = readU32(bytes, at + 4);
  return distance === MAX_DISTANCE ? 0 : position - distance;
}

/** Whether a body is what its header was written for. */
export function isWholeBody(bytes: Uint8Array, at: number, bodyBytes: number, seed: number): boolean {
  const bodyStart = at + RECORD_HEADER_BYTES;
  return readU32(bytes, at + 8) === crc32(bytes.subarray(bodyStart, bodyStart + bodyBytes), seed);
}

function headerChecksum(bytes: Uint8Array, at: number, position: number, seed: number): number {
  writeU64(position, covered, 0);
  for (let i = 0; i < 12; i++) covered[8 + i] = bytes[at + i]!;
  return crc32(covered, seed);
}
