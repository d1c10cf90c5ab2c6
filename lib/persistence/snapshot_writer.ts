/**
 * Writes a snapshot (snapshot_layout.ts) beside everything else that goes on.
 *
 * Entries are given one by one, each copied at once, so that whoever changes one may give it first and then change it.
 * They fill blocks, which a single write at a time brings to `<name>.new`. Only when all of them are synced does the file
 * get its name; so under that name there is never anything but a whole snapshot.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import {
  MAX_SNAPSHOT_BACKLOG_BYTES,
  SNAPSHOT_BLOCK_BYTES,
  SNAPSHOT_IN_FLIGHT_BYTES,
  SNAPSHOT_SYNC_BYTES,
} from "./limits.ts";
import { snapshotName, unfinishedName } from "./data_directory.ts";
import { appendAll, type Disk, type DiskFile } from "./disk.ts";
import {
  BLOCK_HEADER_BYTES,
  endBlock,
  ENTRY_HEADER_BYTES,
  type SnapshotHeader,
  snapshotHeader,
  writeBlockHeader,
  writeEntry,
} from "./snapshot_layout.ts";

const NO_BYTES = new Uint8Array(0);
const MAX_SPARE_BLOCKS = SNAPSHOT_IN_FLIGHT_BYTES / SNAPSHOT_BLOCK_BYTES;

/** What a snapshot came to. */
export interface SnapshotSize {
  readonly entries: number;
  /** Of the whole file. */
  readonly bytes: number;
}

/** One snapshot that is being written. It ends with {@linkcode SnapshotWriter.finish} or {@linkcode SnapshotWriter.abort}. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #header: SnapshotHeader;
  readonly #name: string;
  /** The block that is being filled. */
  #block: Uint8Array<ArrayBuffer>;
  #blockEnd = BLOCK_HEADER_BYTES;
  #entries = 0;
  #blocks = 0;
  /** Written, or waiting to be. */
  #bytes = 0;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #waitingBytes = 0;
  /** Blocks that have been written, to be filled again. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  /** The longest that was written: memory that is new to the process takes ten times as long to fill. */
  #spareLarge: Uint8Array<ArrayBuffer> = NO_BYTES;
  #file: DiskFile | undefined;
  #writing: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  /** Since the last sync. */
  #unsyncedBytes = 0;
  #failure: CryptomemError | undefined;
  /** Nothing more is taken: it is being finished, was given up, or has failed. */
  #isClosed = false;
  #finished: Promise<SnapshotSize> | undefined;

  /**
   * Begins a snapshot; the file is made by and by.
   *
   * @param header of which point in time, and which log goes on from it
   */
  constructor(disk: Disk, header: SnapshotHeader) {
    this.#disk = disk;
    this.#header = header;
    this.#name = snapshotName(header.generation);
    this.#block = this.#newBlock();
    this.#enqueue(snapshotHeader(header));
  }

  /**
   * Takes an entry, copying it. Never waits and never throws: it is called in the middle of a change, which must not
   * depend on a snapshot. What goes wrong is told by {@linkcode SnapshotWriter.room} and {@linkcode SnapshotWriter.finish}.
   *
   * @param expiryUnixMs 0 = none
   */
  add(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    if (this.#isClosed) return;
    const entryBytes = ENTRY_HEADER_BYTES + key.length + value.length;
    if (this.#blockEnd + entryBytes > this.#block.length) {
      this.#closeBlock();
      if (this.#waitingBytes > MAX_SNAPSHOT_BACKLOG_BYTES) {
        return this.#fail(new Error(`the disk is ${MAX_SNAPSHOT_BACKLOG_BYTES} bytes behind`));
      }
      if (BLOCK_HEADER_BYTES + entryBytes > this.#block.length) {
        // An entry that is longer than a block gets one of its own.
        this.#spare.push(this.#block);
        this.#block = this.#largeBlock(BLOCK_HEADER_BYTES + entryBytes);
      }
    }
    this.#blockEnd = writeEntry(this.#block, this.#blockEnd, key, value, expiryUnixMs);
    this.#entries++;
  }

  /**
   * What to wait for before more is given, where one can wait; `undefined` if nothing. So no more than some blocks are in
   * memory at a time.
   *
   * @returns a promise that rejects with CryptomemError `STORAGE` once the snapshot has failed
   */
  room(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waitingBytes < SNAPSHOT_IN_FLIGHT_BYTES) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /**
   * Ends the snapshot: when it resolves, it is there and would survive a power cut.
   *
   * @throws CryptomemError `STORAGE` if it cannot be written; then nothing of it is left, as far as the disk allows
   */
  finish(): Promise<SnapshotSize> {
    return this.#finished ??= this.#finish();
  }

  /** Gives the snapshot up and removes what there is of it. One that is being finished is only waited for. */
  async abort(): Promise<void> {
    if (this.#finished === undefined) {
      this.#fail(new Error("it was given up"));
      this.#finished = this.#finish();
    }
    await this.#finished.catch(() => {});
  }

  async #finish(): Promise<SnapshotSize> {
    if (!this.#isClosed) {
      this.#closeBlock();
      this.#enqueue(endBlock(this.#header.generation, this.#entries, this.#blocks));
      this.#isClosed = true;
    }
    await this.#writing;
    try {
      if (this.#failure === undefined) await this.#publish();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#failure === undefined) return { entries: this.#entries, bytes: this.#bytes };
    await this.#discard();
    throw this.#failure;
  }

  #closeBlock(): void {
    const bodyBytes = this.#blockEnd - BLOCK_HEADER_BYTES;
    if (bodyBytes === 0) return;
    writeBlockHeader(this.#block, this.#header.generation, this.#blocks++, bodyBytes);
    this.#enqueue(this.#block.subarray(0, this.#blockEnd));
    this.#block = this.#newBlock();
    this.#blockEnd = BLOCK_HEADER_BYTES;
  }

  #newBlock(): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(SNAPSHOT_BLOCK_BYTES);
  }

  #largeBlock(length: number): Uint8Array<ArrayBuffer> {
    const spare = this.#spareLarge;
    this.#spareLarge = NO_BYTES;
    return spare.length < length ? new Uint8Array(length) : spare.subarray(0, length);
  }

  #enqueue(bytes: Uint8Array<ArrayBuffer>): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#bytes += bytes.length;
    this.#writing ??= this.#write();
  }

  /** Writes what waits until nothing does. Never rejects. */
  async #write(): Promise<void> {
    try {
      this.#file ??= await this.#create();
      for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
        await appendAll(this.#file, bytes);
        this.#written(bytes);
        this.#unsyncedBytes += bytes.length;
        // Little by little: what others sync meanwhile must not wait for all of a snapshot at its end.
        if (this.#unsyncedBytes < SNAPSHOT_SYNC_BYTES) continue;
        this.#unsyncedBytes = 0;
        await this.#file.sync();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = undefined;
  }

  #written(bytes: Uint8Array<ArrayBuffer>): void {
    this.#waitingBytes -= bytes.length;
    this.#keep(new Uint8Array(bytes.buffer));
    if (this.#waitingBytes >= SNAPSHOT_IN_FLIGHT_BYTES) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #keep(block: Uint8Array<ArrayBuffer>): void {
    if (block.length > SNAPSHOT_BLOCK_BYTES) {
      if (block.length > this.#spareLarge.length) this.#spareLarge = block;
    } else if (block.length === SNAPSHOT_BLOCK_BYTES && this.#spare.length < MAX_SPARE_BLOCKS) this.#spare.push(block);
  }

  async #create(): Promise<DiskFile> {
    const name = unfinishedName(this.#name);
    try {
      return await this.#disk.create(name);
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
      // Left by one that failed on a disk which would not even remove it.
      await this.#disk.remove(name);
      return this.#disk.create(name);
    }
  }

  /** All bytes are on the disk before the name is, and the name before anybody relies on it. */
  async #publish(): Promise<void> {
    await this.#file!.sync();
    this.#file!.close();
    await this.#disk.rename(unfinishedName(this.#name), this.#name);
    await this.#disk.syncDirectory();
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const state = error instanceof Error ? error.message : String(error);
    this.#failure = new CryptomemError("STORAGE", `Cannot write ${this.#name}: ${state}`, { cause: error });
    this.#isClosed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#room?.reject(this.#failure);
    this.#room = undefined;
  }

  async #discard(): Promise<void> {
    this.#file?.close();
    // Where the disk fails altogether it is removed at the next start.
    if (this.#file !== undefined) await this.#disk.remove(unfinishedName(this.#name)).catch(() => {});
  }
}
