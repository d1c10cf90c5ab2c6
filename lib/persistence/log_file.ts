/**
 * An append log as the one who writes it has it: a file that gets its name when its header is on the disk, and grows by
 * whole records, of which the first so many bytes are known to be synced.
 *
 * It knows neither what the records mean nor when to write them (append_log.ts), nor how to read them (log_reader.ts).
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import { logName, unfinishedName } from "./data_directory.ts";
import { appendAll, type Disk, type DiskFile, readAll } from "./disk.ts";
import { LOG_HEADER_BYTES, type LogHeader, readLogHeader, recordSeed, writeLogHeader } from "./log_layout.ts";
import { EMPTY_RECORD_BYTES, RecordBuffer } from "./record_buffer.ts";

/**
 * One log that is being written, by one call at a time. Errors are the disk's; after one there is only
 * {@linkcode LogFile.cutBack} and {@linkcode LogFile.close}.
 */
export class LogFile {
  /** What it says of itself. */
  readonly header: LogHeader;
  /** What the checksums of its records start from. */
  readonly seed: number;
  /** Its length, save what a failing append may have left behind that. */
  writtenBytes = LOG_HEADER_BYTES;
  /** How much of it is known to be on the disk. */
  syncedBytes = LOG_HEADER_BYTES;
  /** Whether it says nothing without a snapshot of its own generation, which is not there yet. */
  needsSnapshot = false;
  /** Whether a sync has failed: nobody knows what of the unsynced bytes the disk has. */
  hasFailedSync = false;
  readonly #headerBytes: Uint8Array;
  #file: DiskFile | undefined;

  private constructor(header: LogHeader, headerBytes: Uint8Array) {
    this.header = header;
    this.#headerBytes = headerBytes;
    this.seed = recordSeed(headerBytes);
  }

  /** A log that is not on the disk yet; its records can be made already. */
  static plan(header: LogHeader): LogFile {
    const bytes = new Uint8Array(LOG_HEADER_BYTES);
    writeLogHeader(header, crypto.getRandomValues(new Uint32Array(1))[0]!, bytes);
    return new LogFile(header, bytes);
  }

  /**
   * A log that is there already, to be written on. Cuts off what lies behind its good records and syncs the rest: what was
   * read from it once must not be lost any more.
   *
   * @param wholeBytes where its last good record ends
   */
  static async resume(disk: Disk, generation: number, wholeBytes: number): Promise<LogFile> {
    const file = await disk.openAppend(logName(generation));
    try {
      const bytes = new Uint8Array(LOG_HEADER_BYTES);
      const length = await readAll(file, 0, bytes);
      const log = new LogFile(readLogHeader(file.name, bytes.subarray(0, length)), bytes);
      const size = await file.size();
      if (size < wholeBytes || log.header.generation !== generation) {
        throw new CryptomemError("STORAGE", `Cannot continue ${file.name}: it has changed since it was read`);
      }
      if (size > wholeBytes) await file.truncate(wholeBytes);
      await file.sync();
      log.writtenBytes = log.syncedBytes = wholeBytes;
      log.#file = file;
      return log;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Whether it has a file to write to. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Which generation it belongs to. */
  get generation(): number {
    return this.header.generation;
  }

  /**
   * Puts a planned log on the disk. It has its name only when its header is synced, so none is found without.
   *
   * @throws {CryptomemError} `STORAGE` if there is one of this name: it would be gone
   */
  async create(disk: Disk): Promise<void> {
    const name = logName(this.generation);
    if ((await disk.list()).includes(name)) {
      throw new CryptomemError("STORAGE", `Cannot begin ${name}: it is there already`);
    }
    const file = await disk.create(unfinishedName(name));
    try {
      await appendAll(file, this.#headerBytes);
      await file.sync();
      await disk.rename(unfinishedName(name), name);
      await disk.syncDirectory();
    } catch (error) {
      file.close();
      // Whatever of it is left says nothing: it is removed at the next start, or has no records.
      await disk.remove(unfinishedName(name)).catch(() => {});
      throw error;
    }
    this.#file = file;
  }

  /** Writes at its end, however little the disk takes at a time. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += this.#count(await this.#opened().append(bytes.subarray(written)));
    }
  }

  /** {@linkcode append} that stops the event loop. */
  appendSync(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length;) {
      written += this.#count(this.#opened().appendSync(bytes.subarray(written)));
    }
  }

  /** Returns once all that has been appended is on the disk. */
  async sync(): Promise<void> {
    try {
      await this.#opened().sync();
    } catch (error) {
      this.hasFailedSync = true;
      throw error;
    }
    this.syncedBytes = this.writtenBytes;
  }

  /** {@linkcode sync} that stops the event loop. */
  syncSync(): void {
    try {
      this.#opened().syncSync();
    } catch (error) {
      this.hasFailedSync = true;
      throw error;
    }
    this.syncedBytes = this.writtenBytes;
  }

  /**
   * Writes and syncs the record at an orderly end: it says that all before it is synced, so that damage to the last change
   * cannot be taken for a torn tail.
   */
  async writeEnd(unixMs: number): Promise<void> {
    const record = new RecordBuffer(EMPTY_RECORD_BYTES);
    record.reset(this.writtenBytes);
    record.open(unixMs);
    record.close(this.syncedBytes, this.seed);
    await this.append(record.bytes);
    await this.sync();
  }

  /** Cuts off what lies behind so many bytes, for good. */
  async cutBack(wholeBytes: number): Promise<void> {
    await this.#opened().truncate(wholeBytes);
    this.writtenBytes = wholeBytes;
    await this.sync();
  }

  /** Lets the file go. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #opened(): DiskFile {
    if (this.#file === undefined) throw new Error(`Cannot write log ${this.generation}: it is not open`);
    return this.#file;
  }

  #count(written: number): number {
    // A disk that takes nothing and gives no reason must not be asked for ever.
    if (written === 0) throw new Error(`Cannot append to log ${this.generation}: the disk takes no byte`);
    this.writtenBytes += written;
    return written;
  }
}
