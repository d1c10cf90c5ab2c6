/**
 * Reads an append log: tells its changes in order, and how it ends.
 *
 * A log ends *whole*, behind its last record; *torn*, in the middle of what was being written when the power went or the
 * process died; or *damaged*, because something that had been safe on the disk cannot be read any more. To tell the last
 * two apart, the rest of the log is searched for later records. One that says everything up to beyond the bad place had
 * been synced proves damage. Records that say less do not: of what was not synced yet, a disk may have kept the end and
 * lost the beginning.
 *
 * A record is told only when all of it has been checked. It never changes a file.
 *
 * @module
 */

import { LOG_READ_BYTES } from "./limits.ts";
import { readU32, readU48 } from "./big_endian.ts";
import { type ChangeVisitor, readChanges } from "./changes.ts";
import { type DiskFile, readAll } from "./disk.ts";
import {
  isWholeBody,
  LOG_HEADER_BYTES,
  type LogHeader,
  readLogHeader,
  RECORD_HEADER_BYTES,
  RECORD_TIME_BYTES,
  recordBodyBytes,
  recordSeed,
  recordSyncedBytes,
} from "./log_layout.ts";
import { UnusableFileError } from "./unusable_file.ts";

/** How a log ended, and what it held up to there. */
export interface LogEnd {
  /** See the top of this file. */
  readonly state: "whole" | "torn" | "damaged";
  /** Length of the log up to the end of its last good record: where it is cut if torn, where the damage is if damaged. */
  readonly wholeBytes: number;
  /** What lies behind that; 0 if it ended whole. */
  readonly restBytes: number;
  /** Whether records that were never synced lie in a torn rest: they are lost with it, for want of the one before. */
  readonly hasRecordsInRest: boolean;
  /** Good records, the empty one at an orderly end included. */
  readonly records: number;
  /** Changes in them. */
  readonly changes: number;
  /** Unix time of the last good record, in milliseconds; of the header if there is none. */
  readonly lastUnixMs: number;
}

/** Reads one log from its beginning to its end. */
export class LogReader {
  /** What the log says of itself. */
  readonly header: LogHeader;
  readonly #window: Window;
  readonly #seed: number;

  private constructor(header: LogHeader, window: Window, seed: number) {
    this.header = header;
    this.#window = window;
    this.#seed = seed;
  }

  /**
   * Begins with a log's header.
   *
   * @param file stays open, and is read by nobody else until {@linkcode replay} has ended
   * @throws {UnusableFileError} if it is no log, of another version, or its header is damaged or cut
   */
  static async open(file: DiskFile): Promise<LogReader> {
    const window = new Window(file, await file.size());
    const length = Math.min(LOG_HEADER_BYTES, window.fileBytes);
    await window.have(0, length);
    const bytes = window.bytes.subarray(0, length);
    return new LogReader(readLogHeader(file.name, bytes), window, recordSeed(bytes));
  }

  /**
   * Tells all changes, up to the first record that is not good.
   *
   * @throws {UnusableFileError} if a record that is whole holds something that this program does not know; changes before
   * it in the same record have been told by then. Also what the disk throws
   */
  async replay(visitor: ChangeVisitor): Promise<LogEnd> {
    const window = this.#window;
    let position = LOG_HEADER_BYTES;
    let records = 0;
    let changes = 0;
    let lastUnixMs = this.header.begunUnixMs;
    for (;;) {
      const end = await this.#wholeRecordEnd(position);
      if (end < 0) break;
      const body = window.at(position) + RECORD_HEADER_BYTES;
      const told = readChanges(window.bytes, body + RECORD_TIME_BYTES, window.at(end), visitor);
      if (told < 0) throw this.#unknownChange(position);
      lastUnixMs = readU48(window.bytes, body);
      changes += told;
      records++;
      position = end;
    }
    const restBytes = window.fileBytes - position;
    const rest = restBytes === 0 ? "nothing" : await this.#searchRest(position);
    const state = rest === "synced" ? "damaged" : restBytes === 0 ? "whole" : "torn";
    return {
      state,
      wholeBytes: position,
      restBytes,
      hasRecordsInRest: rest === "unsynced",
      records,
      changes,
      lastUnixMs,
    };
  }

  /** The end of the record at a position, which then lies in the window; -1 if no good one is there. */
  async #wholeRecordEnd(position: number): Promise<number> {
    const window = this.#window;
    if (!window.has(position, RECORD_HEADER_BYTES) && !await window.have(position, RECORD_HEADER_BYTES)) return -1;
    const bodyBytes = recordBodyBytes(window.bytes, window.at(position), position, this.#seed);
    const recordBytes = RECORD_HEADER_BYTES + bodyBytes;
    // A length is asked of the disk only when its checksum holds and the file has so much.
    if (bodyBytes < 0 || (!window.has(position, recordBytes) && !await window.have(position, recordBytes))) return -1;
    return isWholeBody(window.bytes, window.at(position), bodyBytes, this.#seed) ? position + recordBytes : -1;
  }

  /** Looks behind a bad record for later ones: "synced" if one proves that the bad place had been safe. */
  async #searchRest(badPosition: number): Promise<"nothing" | "unsynced" | "synced"> {
    const window = this.#window;
    let found: "nothing" | "unsynced" = "nothing";
    for (let position = badPosition; await window.have(position, RECORD_HEADER_BYTES);) {
      const bodyBytes = recordBodyBytes(window.bytes, window.at(position), position, this.#seed);
      if (bodyBytes < 0) {
        position = this.#nextCandidate(position + 1);
        continue;
      }
      if (position > badPosition) {
        if (recordSyncedBytes(window.bytes, window.at(position), position) > badPosition) return "synced";
        found = "unsynced";
      }
      // What a body holds is a client's, and no evidence.
      position += RECORD_HEADER_BYTES + bodyBytes;
    }
    return found;
  }

  /** The next position in the window at which the length of a record could stand; else the first that is not in it. */
  #nextCandidate(position: number): number {
    const { bytes, fileBytes } = this.#window;
    const at = this.#window.at(position);
    const last = this.#window.length - RECORD_HEADER_BYTES;
    let remaining = fileBytes - position - RECORD_HEADER_BYTES;
    for (let candidate = at; candidate <= last; candidate++, remaining--) {
      const length = readU32(bytes, candidate);
      if (length <= remaining && length >= RECORD_TIME_BYTES) return position + candidate - at;
    }
    return position + Math.max(0, last + 1 - at);
  }

  #unknownChange(position: number): UnusableFileError {
    const finding = "a whole record holds a change of no known kind";
    return new UnusableFileError(this.#window.file.name, "damaged", position, finding);
  }
}

/** A part of a file in memory, moved forward only. */
class Window {
  readonly file: DiskFile;
  readonly fileBytes: number;
  bytes: Uint8Array<ArrayBuffer>;
  /** How many of `bytes` are the file's. */
  length = 0;
  /** Where in the file they begin. */
  #start = 0;

  constructor(file: DiskFile, fileBytes: number) {
    this.file = file;
    this.fileBytes = fileBytes;
    this.bytes = new Uint8Array(Math.min(fileBytes, LOG_READ_BYTES));
  }

  /** Where in `bytes` a position of the file lies. */
  at(position: number): number {
    return position - this.#start;
  }

  /** Whether a piece of the file is in `bytes`. */
  has(position: number, length: number): boolean {
    return position + length <= this.#start + this.length;
  }

  /** Gets a piece of the file into `bytes`. Returns whether the file has it. */
  async have(position: number, length: number): Promise<boolean> {
    if (position + length > this.fileBytes) return false;
    if (this.has(position, length)) return true;
    const kept = Math.max(0, this.#start + this.length - position);
    const keptFrom = this.length - kept;
    const old = this.bytes;
    if (length > old.length) {
      this.bytes = new Uint8Array(length);
      this.bytes.set(old.subarray(keptFrom, this.length));
    } else {
      old.copyWithin(0, keptFrom, this.length);
    }
    const read = await readAll(this.file, position + kept, this.bytes.subarray(kept));
    this.#start = position;
    this.length = kept + read;
    if (this.length >= length) return true;
    throw new Error(`Cannot read ${this.file.name}: it has become shorter than ${this.fileBytes} bytes meanwhile`);
  }
}
