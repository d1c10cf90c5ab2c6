/**
 * The append log: keeps the changes of a store on a disk, in order, and says when they are there.
 *
 * Three modes decide when. `always`: {@linkcode AppendLog.pending} settles when they are written *and synced*, and no reply
 * leaves before; one write and sync is under way at a time, and the next takes all that has come meanwhile. `everysec`:
 * nobody waits; what was made is written after some milliseconds and synced within a second. `no`: it is written, and
 * the system syncs when it likes.
 *
 * When the disk fails, the log is cut back to its last record that is whole (and synced, under `always`), and not
 * written any more: after a failed sync nobody knows what the disk has. Until the next generation stands, which is
 * tried every second, `always` refuses changes and the others let them go by, and say so.
 *
 * One worker carries out the steps, one after the other: batches of records, the switch from one log to the next, jobs
 * that must find the disk idle. How records are made is in log_journal.ts.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { UnixTime } from "../unix_time.ts";
import type { Disk } from "./disk.ts";
import { LogFailure } from "./log_failure.ts";
import { LogFile } from "./log_file.ts";
import { LogJournal } from "./log_journal.ts";
import { LOG_HEADER_BYTES } from "./log_layout.ts";
import { LogSchedule } from "./log_schedule.ts";
import { LogWorker } from "./log_worker.ts";

/** When changes are synced; see the top of this file. */
export type LogMode = "always" | "everysec" | "no";

/** What an append log needs. */
export interface AppendLogOptions {
  /** Where the logs are. */
  readonly disk: Disk;
  /** When changes are synced. */
  readonly mode: LogMode;
  /** For timers, and the date of the last sync. */
  readonly clock: Clock;
  /** Dates of the store's moments. */
  readonly unixTime: UnixTime;
  /**
   * Called every second while the log fails: must call {@linkcode AppendLog.switchTo} with a generation that was never
   * used, write the snapshot of that moment, and resolve when both are durable. Then the log works again.
   */
  readonly startNextGeneration: () => Promise<void>;
  /** Told one line when it begins to fail, and one when it works again. */
  readonly log: (line: string) => void;
}

/** How a log is. */
export interface AppendLogState {
  /** Whether changes are kept. */
  readonly state: "ok" | "failing";
  /** Why they are not; "" while they are. */
  readonly reason: string;
  /** The generation that changes are recorded in. */
  readonly generation: number;
  /** Length of its log, with all that is still to be written. */
  readonly bytes: number;
  /** How much of that is not known to be on the disk. */
  readonly unsyncedBytes: number;
  /** How much is still to be written, in older logs too. */
  readonly waitingBytes: number;
  /** When a sync last ended well, in Unix time; 0 = not yet. */
  readonly lastSyncUnixMs: number;
}

/** One log after the other, each continuing the one before. */
export class AppendLog {
  /** What the store tells its changes to. */
  readonly journal: LogJournal;
  readonly #options: AppendLogOptions;
  readonly #isAlways: boolean;
  /** The log that changes are recorded for: the one that is being written, or one that comes after it. */
  #newestLog: LogFile;
  readonly #schedule: LogSchedule;
  readonly #worker: LogWorker;
  readonly #failure: LogFailure;
  #closing: Promise<void> | undefined;

  private constructor(options: AppendLogOptions, log: LogFile) {
    const { disk, mode, clock, unixTime } = options;
    const isAlways = mode === "always";
    const journal = new LogJournal({ unixTime, onRecord: () => this.#onRecord() }, log, log.writtenBytes);
    const schedule = new LogSchedule(clock, mode === "everysec", () => this.#worker.start());
    this.#options = options;
    this.#isAlways = isAlways;
    this.#newestLog = log;
    this.journal = journal;
    this.#schedule = schedule;
    this.#failure = new LogFailure(clock, options.log, () => this.#startNextGeneration());
    this.#worker = new LogWorker({
      disk,
      clock,
      unixTime,
      journal,
      schedule,
      isAlways,
      onFailure: (error) => this.#onFailure(error),
      lossError: () => this.#failure.error(),
      log: options.log,
    }, log);
  }

  /**
   * Begins the first log of a directory, or one beside a snapshot of its own generation.
   *
   * @throws what the disk throws
   */
  static async begin(options: AppendLogOptions, generation: number): Promise<AppendLog> {
    const log = LogFile.plan({ generation, begunUnixMs: options.unixTime.nowMs(), previousBytes: 0 });
    await log.create(options.disk);
    return new AppendLog(options, log);
  }

  /**
   * Goes on with a log that was read to its end. What is torn is cut off, and the rest synced.
   *
   * @param wholeBytes where its last good record ends
   * @throws {CryptomemError} `STORAGE` if it is not the log that was read; also what the disk throws
   */
  static async resume(options: AppendLogOptions, generation: number, wholeBytes: number): Promise<AppendLog> {
    return new AppendLog(options, await LogFile.resume(options.disk, generation, wholeBytes));
  }

  /**
   * With `always`: settles when all changes so far are written and synced; `undefined` if they are, and in other modes.
   *
   * To be asked in the turn in which the changes were made, before anything is awaited: what has failed by then cannot be
   * asked about any more.
   *
   * @returns rejects with `STORAGE` if they could not be kept; the log has been cut back by then, as far as the disk lets it
   */
  pending(): Promise<void> | undefined {
    return this.#isAlways ? this.#worker.pending() : undefined;
  }

  /**
   * Runs something at a moment when nothing is being written, at once or when the worker comes to it. For
   * {@linkcode writeThrough}.
   *
   * @returns what the job returns or throws
   */
  whenIdle<Result>(job: () => Result): Promise<Result> {
    return this.#worker.whenIdle(job);
  }

  /**
   * Writes and syncs all changes recorded so far before it returns, while everything else stands still: for a change that
   * could not be taken back, which so can be recorded before it is made. Only in a job of {@linkcode whenIdle}.
   *
   * @throws {CryptomemError} `STORAGE` if they could not be kept. A log that fails in a mode other than `always` lets them go
   */
  writeThrough(): void {
    if (this.journal.refusal !== undefined) throw this.#failure.error();
    if (!this.#failure.isNow) this.#worker.writeThrough();
  }

  /**
   * From this moment on, changes go into the log of another generation; so this is the moment of its snapshot. Nothing
   * waits for it: the log so far is written and synced to its end in the background, and then the new one begins.
   *
   * While the log fails, this is the way out: the new one does not continue the old.
   *
   * @param generation one that was never used
   * @returns resolves when the new log stands; rejects with `STORAGE` if it could not be made
   */
  switchTo(generation: number): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#failure.error());
    if (this.journal.isInGroup) throw new Error("Cannot switch to another log: a group is open");
    const log = LogFile.plan({
      generation,
      begunUnixMs: this.#options.unixTime.nowMs(),
      previousBytes: this.#failure.isNow ? 0 : this.journal.endPosition,
    });
    log.needsSnapshot = this.#failure.isNow;
    const stands = this.#worker.succeedBy(log);
    this.#newestLog = log;
    this.journal.turnTo(log, LOG_HEADER_BYTES);
    return stands;
  }

  /**
   * Writes and syncs what there is, in every mode, and lets the log go. Changes from now on go by.
   *
   * @returns rejects with `STORAGE` if not everything could be kept
   */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const wasFailing = this.#failure.isNow;
    this.#schedule.clear();
    this.#failure.stop();
    this.#closing = this.#worker.succeedBy(undefined).then(() => {
      if (wasFailing) throw this.#failure.error();
    });
    this.journal.drop(this.journal.endPosition);
    this.journal.refusal = "the append log is closed";
    return this.#closing;
  }

  /** How it is. */
  status(): AppendLogState {
    const bytes = this.journal.endPosition;
    return {
      state: this.#failure.isNow ? "failing" : "ok",
      reason: this.#failure.reason,
      generation: this.#newestLog.generation,
      bytes,
      unsyncedBytes: bytes - this.#newestLog.syncedBytes,
      waitingBytes: this.journal.waitingBytes,
      lastSyncUnixMs: this.#worker.lastSyncUnixMs,
    };
  }

  #onRecord(): void {
    if (!this.#isAlways && this.journal.gatheredBytes > 0) this.#schedule.onRecord();
    this.#worker.start();
  }

  #onFailure(error: unknown): void {
    this.journal.drop(this.#newestLog.writtenBytes);
    this.journal.takenBytes = 0;
    this.#failure.begin(error, this.#isAlways ? "changes are refused" : "CHANGES ARE NOT KEPT");
    if (this.#isAlways) this.journal.refusal ??= `the append log fails: ${this.#failure.reason}`;
  }

  /** The way out. Returns whether the log works again. */
  async #startNextGeneration(): Promise<boolean> {
    const failedLog = this.#newestLog;
    await this.#options.startNextGeneration();
    const { log } = this.#worker;
    // One that was begun before the failure replaces nothing.
    if (this.#newestLog === failedLog) return false;
    this.#newestLog.needsSnapshot = false;
    // Nor does one that has failed since; but its snapshot is there.
    if (log !== this.#newestLog) return false;
    if (this.#closing === undefined) this.journal.refusal = undefined;
    return true;
  }
}
