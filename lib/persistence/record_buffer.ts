/**
 * A buffer in which the records of an append log are made, as they will lie in the file: changes are written behind each
 * other, and when a record is closed its header is put in front of them. It allocates nothing for a change.
 *
 * Who fills it sees to it that there is room.
 *
 * @module
 */

import { copyBytes } from "../bytes.ts";
import { readU32, writeU48 } from "./big_endian.ts";
import { RECORD_HEADER_BYTES, RECORD_TIME_BYTES, writeRecordHeader } from "./log_layout.ts";

/** What a record takes beside its changes. */
export const EMPTY_RECORD_BYTES: number = RECORD_HEADER_BYTES + RECORD_TIME_BYTES;

const NONE = -1;

/** Closed records, and at most one open behind them. */
export class RecordBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of `bytes` are in use; whoever writes a change moves it on. */
  length = 0;
  /** Where in the log `bytes` begins. */
  position = 0;
  #openAt = NONE;

  constructor(capacityBytes: number) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  /** Whether the last record is still open. */
  get isOpen(): boolean {
    return this.#openAt !== NONE;
  }

  /** Bytes of the open record so far. */
  get openBytes(): number {
    return this.isOpen ? this.length - this.#openAt : 0;
  }

  /** Where in the log the next record begins. */
  get endPosition(): number {
    return this.position + this.length;
  }

  /** How many more bytes it has room for. */
  get freeBytes(): number {
    return this.bytes.length - this.length;
  }

  /** Forgets everything. */
  reset(position: number): void {
    this.position = position;
    this.length = 0;
    this.#openAt = NONE;
  }

  /** Begins a record. */
  open(unixMs: number): void {
    this.#openAt = this.length;
    writeU48(unixMs, this.bytes, this.length + RECORD_HEADER_BYTES);
    this.length += EMPTY_RECORD_BYTES;
  }

  /** Ends the record that is open. */
  close(syncedBytes: number, seed: number): void {
    const position = this.position + this.#openAt;
    writeRecordHeader(this.bytes, this.#openAt, this.length, position, syncedBytes, seed);
    this.#openAt = NONE;
  }

  /** Moves the open record to the beginning of an empty buffer. */
  moveOpenTo(other: RecordBuffer): void {
    other.reset(this.position + this.#openAt);
    copyBytes(this.bytes, this.#openAt, other.bytes, 0, this.openBytes);
    other.length = this.openBytes;
    other.#openAt = 0;
    this.length = this.#openAt;
    this.#openAt = NONE;
  }
}

/**
 * Where in a log the last whole record ends.
 *
 * @param buffers closed records that were to be written, in order
 * @param writtenBytes how much of the log was written: perhaps not all of them
 */
export function wholeRecordsPosition(buffers: readonly RecordBuffer[], writtenBytes: number): number {
  for (const { bytes, length, position } of buffers) {
    if (position + length <= writtenBytes) continue;
    let end = 0;
    for (let next = 0; position + next <= writtenBytes;) {
      end = next;
      next += RECORD_HEADER_BYTES + readU32(bytes, next);
    }
    return position + end;
  }
  return writtenBytes;
}
