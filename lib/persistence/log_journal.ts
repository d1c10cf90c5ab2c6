/**
 * Makes records of the changes of a store, as they are made: the way into an append log. Changes of one turn of the event
 * loop become one record; {@linkcode LogJournal.begin} and {@linkcode LogJournal.end} keep together what must not be
 * divided where a turn has too many for one.
 *
 * It holds what has not been taken to be written yet, within a bound: when the disk does not keep up, changes are refused
 * before they are made. Writing is for append_log.ts.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import { LOG_BUFFER_BYTES, LOG_RECORD_BYTES, MAX_KEPT_LOG_BUFFERS, MAX_LOG_BACKLOG_BYTES } from "./limits.ts";
import type { Journal } from "../storage/journal.ts";
import type { UnixTime } from "../unix_time.ts";
import {
  CLEAR_BYTES,
  EXPIRY_BYTES,
  PUT_BYTES,
  REMOVE_BYTES,
  RENAME_BYTES,
  writeClear,
  writeExpiry,
  writePut,
  writeRemove,
  writeRename,
} from "./changes.ts";
import type { LogFile } from "./log_file.ts";
import { EMPTY_RECORD_BYTES, RecordBuffer } from "./record_buffer.ts";
import { MAX_EXPIRY_UNIX_MS } from "./snapshot_layout.ts";

/** What a journal needs of the log around it. */
export interface LogJournalHost {
  /** Dates of the store's moments. */
  readonly unixTime: UnixTime;
  /** Called when there may be something to take: a record has been made, or a group has ended. */
  onRecord(): void;
}

/** What a store tells its changes to. */
export class LogJournal implements Journal {
  readonly #host: LogJournalHost;
  /** The log that the next record is for. */
  #log: LogFile;
  #filling = new RecordBuffer(LOG_BUFFER_BYTES);
  /** Up to which length of `#filling` a change may be written without a further look; 0 while no record is open. */
  #roomEnd = 0;
  /** Buffers before `#filling`, which nobody has taken yet. */
  #full: RecordBuffer[] = [];
  #fullBytes = 0;
  readonly #spare: RecordBuffer[] = [];
  /** How many groups are open, each inside another. */
  #depth = 0;
  #isEndOfTurnAsked = false;
  #maxWaitingBytes = MAX_LOG_BACKLOG_BYTES;
  /** Whether changes go by without a trace. */
  #isDropping = false;
  /** Why changes are refused. */
  refusal: string | undefined;
  /** Bytes that have been taken and are not written yet; the log keeps count. */
  takenBytes = 0;

  /** @param position where in the log the next record begins */
  constructor(host: LogJournalHost, log: LogFile, position: number) {
    this.#host = host;
    this.#log = log;
    this.#filling.reset(position);
  }

  /**
   * Refuses a change before it is made. Called first for each that a client asks for.
   *
   * @throws {CryptomemError} `STORAGE` if it could not be kept: the log fails, or the disk does not keep up
   */
  check(): void {
    if (this.refusal !== undefined) {
      throw new CryptomemError("STORAGE", `Cannot keep the change: ${this.refusal}`);
    }
    const waitingBytes = this.waitingBytes;
    if (waitingBytes > this.#maxWaitingBytes) {
      throw new CryptomemError(
        "STORAGE",
        `Cannot keep the change: ${waitingBytes} bytes wait for the disk already, which does not keep up`,
      );
    }
  }

  /**
   * Lets all changes up to {@linkcode end} be one record. Both within one turn of the event loop; groups may lie in each
   * other.
   *
   * @param expectedBytes about what keys and values of these changes have: once begun, so much will not be refused
   * @throws {CryptomemError} `STORAGE` as {@linkcode check}; then the group has not begun
   */
  begin(expectedBytes: number = 0): void {
    this.check();
    this.#depth++;
    // Changes take more than their keys and values, and so does what is evicted for them.
    const neededBytes = expectedBytes > 0 ? 2 * expectedBytes + MAX_LOG_BACKLOG_BYTES : 0;
    this.#maxWaitingBytes = Math.max(this.#maxWaitingBytes, this.waitingBytes + neededBytes);
    this.#setRoom(0);
  }

  /** Ends the group that was begun last. */
  end(): void {
    if (--this.#depth > 0) return;
    this.#maxWaitingBytes = MAX_LOG_BACKLOG_BYTES;
    this.#setRoom(0);
    this.#askEndOfTurn();
  }

  /**
   * A value was stored.
   *
   * @param expiryMs on the store's clock, 0 = none; here and below
   */
  put(key: ByteRange, value: ByteRange, expiryMs: number): void {
    if (!this.#hasRoom(PUT_BYTES + key.length + value.length)) return;
    const buffer = this.#filling;
    buffer.length = writePut(buffer.bytes, buffer.length, key, value, this.#unixMs(expiryMs));
  }

  /** An entry was removed: deleted, expired or evicted. */
  remove(key: ByteRange): void {
    if (!this.#hasRoom(REMOVE_BYTES + key.length)) return;
    this.#filling.length = writeRemove(this.#filling.bytes, this.#filling.length, key);
  }

  /** An entry got another expiry. */
  expiry(key: ByteRange, expiryMs: number): void {
    if (!this.#hasRoom(EXPIRY_BYTES + key.length)) return;
    const buffer = this.#filling;
    buffer.length = writeExpiry(buffer.bytes, buffer.length, key, this.#unixMs(expiryMs));
  }

  /** All entries under a prefix were removed. */
  clear(prefix: Uint8Array): void {
    if (!this.#hasRoom(CLEAR_BYTES + prefix.length)) return;
    this.#filling.length = writeClear(this.#filling.bytes, this.#filling.length, prefix);
  }

  /** An entry moved to another key, over what was there. */
  rename(from: ByteRange, to: ByteRange): void {
    if (!this.#hasRoom(RENAME_BYTES + from.length + to.length)) return;
    this.#filling.length = writeRename(this.#filling.bytes, this.#filling.length, from, to);
  }

  // For the log.

  /** Bytes of records that nobody has taken. */
  get gatheredBytes(): number {
    return this.#fullBytes + this.#filling.length;
  }

  /** The same and those that are being written. */
  get waitingBytes(): number {
    return this.takenBytes + this.#fullBytes + this.#filling.length;
  }

  /** Where in its log the next change will be. */
  get endPosition(): number {
    return this.#filling.endPosition;
  }

  /** Whether a group is open that must not be divided: nothing can be taken. */
  get isInGroup(): boolean {
    return this.#depth > 0;
  }

  /** Hands over all records made so far, in order; each buffer comes back by {@linkcode recycle}. */
  take(): RecordBuffer[] {
    if (this.#filling.isOpen) this.#closeRecord();
    this.takenBytes += this.gatheredBytes;
    const taken = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    if (this.#filling.length > 0) {
      taken.push(this.#filling);
      this.#filling = this.#emptyBuffer(this.#filling.endPosition, 0);
    }
    return taken;
  }

  /** Takes back a buffer that is written. */
  recycle(buffer: RecordBuffer): void {
    if (buffer.bytes.length === LOG_BUFFER_BYTES && this.#spare.length < MAX_KEPT_LOG_BUFFERS) this.#spare.push(buffer);
  }

  /** The next record is for another log, of which so much is there already. All made so far must have been taken. */
  turnTo(log: LogFile, position: number): void {
    this.#log = log;
    this.#forget(position);
    this.#isDropping = false;
  }

  /** Forgets what nobody has taken; from now on changes go by without a trace, until the next {@linkcode turnTo}. */
  drop(position: number): void {
    this.#forget(position);
    this.#isDropping = true;
  }

  #forget(position: number): void {
    this.#full = [];
    this.#fullBytes = 0;
    this.recycle(this.#filling);
    this.#filling = this.#emptyBuffer(position, 0);
    this.#roomEnd = 0;
  }

  /** Makes sure that a record is open with room for a change. Returns false if the change is not to be recorded. */
  #hasRoom(changeBytes: number): boolean {
    return this.#filling.length + changeBytes <= this.#roomEnd || this.#makeRoom(changeBytes);
  }

  #makeRoom(changeBytes: number): boolean {
    if (this.#isDropping) return false;
    // All that the room allowed is full: 64 KiB, or the buffer.
    if (this.#filling.isOpen && this.#depth === 0) {
      this.#closeRecord();
      this.#host.onRecord();
    }
    const neededBytes = changeBytes + (this.#filling.isOpen ? 0 : EMPTY_RECORD_BYTES);
    if (neededBytes > this.#filling.freeBytes) this.#changeBuffer(neededBytes);
    if (!this.#filling.isOpen) {
      this.#filling.open(this.#host.unixTime.nowMs());
      this.#askEndOfTurn();
    }
    this.#setRoom(changeBytes);
    return true;
  }

  #setRoom(changeBytes: number): void {
    const { bytes, length, openBytes, isOpen } = this.#filling;
    const recordEnd = this.#depth > 0 ? bytes.length : length + Math.max(changeBytes, LOG_RECORD_BYTES - openBytes);
    this.#roomEnd = isOpen ? Math.min(bytes.length, recordEnd) : 0;
  }

  #changeBuffer(neededBytes: number): void {
    const old = this.#filling;
    const next = this.#emptyBuffer(old.endPosition, old.openBytes + neededBytes);
    // A record lies in one piece; doubling bounds how often a large one moves.
    if (old.isOpen) old.moveOpenTo(next);
    this.#filling = next;
    if (old.length === 0) return this.recycle(old);
    this.#full.push(old);
    this.#fullBytes += old.length;
  }

  #emptyBuffer(position: number, neededBytes: number): RecordBuffer {
    const isLarge = neededBytes > LOG_BUFFER_BYTES;
    const capacityBytes = !isLarge ? LOG_BUFFER_BYTES : this.#depth > 0 ? 2 * neededBytes : neededBytes;
    const buffer = isLarge ? new RecordBuffer(capacityBytes) : this.#spare.pop() ?? new RecordBuffer(capacityBytes);
    buffer.reset(position);
    return buffer;
  }

  #closeRecord(): void {
    this.#filling.close(this.#log.syncedBytes, this.#log.seed);
    this.#roomEnd = 0;
  }

  #askEndOfTurn(): void {
    if (this.#isEndOfTurnAsked) return;
    this.#isEndOfTurnAsked = true;
    queueMicrotask(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#isEndOfTurnAsked = false;
    if (this.#depth > 0) return;
    if (this.#filling.isOpen) this.#closeRecord();
    this.#host.onRecord();
  };

  #unixMs(expiryMs: number): number {
    // What expired before 1970 by a clock set wrong must not come back without an expiry.
    return expiryMs === 0 ? 0 : Math.min(MAX_EXPIRY_UNIX_MS, Math.max(1, this.#host.unixTime.of(expiryMs)));
  }
}
