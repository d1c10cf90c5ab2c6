/**
 * Carries out what an append log has to do, one step after the other and never two at a time: writing batches of records,
 * going on in another log, ending. In between, jobs run that must find the disk idle. Meanwhile new records gather in the
 * journal, and become the next batch: so all that came during one sync shares the next.
 *
 * When a step fails, nothing more is written to the log: it is cut back, and all that waited is lost. What the modes
 * mean, and how it goes on then, is for append_log.ts.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { CryptomemError } from "../errors.ts";
import { LOG_RECORD_BYTES } from "./limits.ts";
import type { UnixTime } from "../unix_time.ts";
import { logName } from "./data_directory.ts";
import type { Disk } from "./disk.ts";
import type { LogFile } from "./log_file.ts";
import type { LogJournal } from "./log_journal.ts";
import type { LogSchedule } from "./log_schedule.ts";
import { type RecordBuffer, wholeRecordsPosition } from "./record_buffer.ts";

/** What the worker needs. */
export interface LogWorkerOptions {
  readonly disk: Disk;
  /** For the date of the last sync. */
  readonly clock: Clock;
  readonly unixTime: UnixTime;
  /** Where records come from. */
  readonly journal: LogJournal;
  /** When they are due if nobody waits for them. */
  readonly schedule: LogSchedule;
  /** Whether every batch is due at once, and kept only when it is synced. */
  readonly isAlways: boolean;
  /** Called when a step has failed: must let the journal forget what it holds. */
  readonly onFailure: (error: unknown) => void;
  /** What those are told whose records are lost. */
  readonly lossError: () => CryptomemError;
  /** Told a line for the operator. */
  readonly log: (line: string) => void;
}

interface Step {
  /** Records to write. */
  readonly buffers: readonly RecordBuffer[];
  /** Settles when all records so far are kept, or lost; made when somebody asks. */
  kept?: PromiseWithResolvers<void> | undefined;
  /** What comes after the log that is being written, if this step ends it. */
  readonly succession?: Succession;
}

interface Succession {
  /** The next log; `undefined` at the end. */
  readonly log: LogFile | undefined;
  readonly settled: PromiseWithResolvers<void>;
}

/** Writes logs. */
export class LogWorker {
  /** When a sync last ended well, in Unix time; 0 = not yet. */
  lastSyncUnixMs = 0;
  readonly #options: LogWorkerOptions;
  readonly #journal: LogJournal;
  #log: LogFile;
  /** Whether the log has failed: nothing more is written to it. */
  #isBroken = false;
  /** In order; the first is under way. */
  #steps: Step[] = [];
  /** What could not be kept, until the log has been cut back and those who wait have been told. */
  readonly #lost: Step[] = [];
  /** For those who wait for what is still in the journal. */
  #kept: PromiseWithResolvers<void> | undefined;
  readonly #jobs: (() => void)[] = [];
  /** Whether what there was when the first job came has been written. */
  #isJobDue = false;
  #isInJob = false;
  #isWorking = false;

  constructor(options: LogWorkerOptions, log: LogFile) {
    this.#options = options;
    this.#journal = options.journal;
    this.#log = log;
  }

  /** The log that is being written; `undefined` when it has failed. */
  get log(): LogFile | undefined {
    return this.#isBroken ? undefined : this.#log;
  }

  /** Looks whether there is something to do. */
  start(): void {
    if (!this.#isWorking) void this.#work();
  }

  /** Settles when all records so far are kept, or rejects if they are lost; `undefined` if none is under way. */
  pending(): Promise<void> | undefined {
    if (this.#journal.gatheredBytes > 0) return (this.#kept ??= withoutListener()).promise;
    const last = this.#steps.findLast(({ buffers }) => buffers.length > 0) ?? this.#lost.at(-1);
    return last === undefined ? undefined : (last.kept ??= withoutListener()).promise;
  }

  /**
   * Ends the log, and goes on in the next.
   *
   * @param log `undefined` at the end
   * @returns resolves when the next log stands
   */
  succeedBy(log: LogFile | undefined): Promise<void> {
    if (this.#journal.gatheredBytes > 0) this.#takeBatch();
    const succession = { log, settled: Promise.withResolvers<void>() };
    this.#steps.push({ buffers: [], succession });
    this.start();
    return succession.settled.promise;
  }

  /** Runs a job when nothing is being written, and what there was before has been. */
  whenIdle<Result>(job: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(() => {
        try {
          resolve(job());
        } catch (error) {
          reject(error);
        }
      });
      this.start();
    });
  }

  /** In a job: writes and syncs all that has been gathered, before it returns. Throws {@linkcode LogWorkerOptions.lossError}. */
  writeThrough(): void {
    if (!this.#isInJob) throw new Error("Cannot write through: only a job of whenIdle() can");
    if (this.#isBroken) throw this.#options.lossError();
    const batch = this.#takeBatch();
    try {
      for (const buffer of batch.buffers) {
        this.#log.appendSync(buffer.bytes.subarray(0, buffer.length));
        this.#journal.takenBytes -= buffer.length;
      }
      this.#log.syncSync();
    } catch (error) {
      this.#fail(error);
      throw this.#options.lossError();
    }
    this.lastSyncUnixMs = this.#options.clock.wallMs();
    this.#settle(batch);
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#steps.length > 0 || this.#isJobReady() || this.#isBatchDue()) {
      try {
        await this.#doNext();
      } catch (error) {
        this.#fail(error);
      }
      if (this.#lost.length > 0) await this.#giveUpLost();
    }
    this.#isWorking = false;
  }

  #isJobReady(): boolean {
    return this.#jobs.length > 0 && !this.#journal.isInGroup;
  }

  /** Whether what there is must not wait until there is more. */
  #isBatchDue(): boolean {
    const { gatheredBytes, isInGroup } = this.#journal;
    if (isInGroup) return false;
    const { isSyncDue, isWriteDue } = this.#options.schedule;
    return isSyncDue ||
      gatheredBytes > 0 && (this.#options.isAlways || isWriteDue || gatheredBytes >= LOG_RECORD_BYTES);
  }

  async #doNext(): Promise<void> {
    if (this.#steps.length === 0) {
      if (this.#isJobReady() && (this.#isJobDue || this.#journal.gatheredBytes === 0)) return this.#runJob();
      this.#takeBatch();
      // Not until nothing is left: with busy clients that is never.
      this.#isJobDue = this.#jobs.length > 0;
    }
    const step = this.#steps[0]!;
    if (step.succession === undefined) await this.#write(step);
    else await this.#succeed(step.succession);
    this.#settle(step);
  }

  #takeBatch(): Step {
    const batch: Step = { buffers: this.#journal.take(), kept: this.#kept };
    this.#kept = undefined;
    this.#options.schedule.isWriteDue = false;
    this.#steps.push(batch);
    return batch;
  }

  async #write(batch: Step): Promise<void> {
    const { schedule, isAlways } = this.#options;
    for (const buffer of batch.buffers) {
      await this.#log.append(buffer.bytes.subarray(0, buffer.length));
      this.#journal.takenBytes -= buffer.length;
    }
    if (!isAlways && !schedule.isSyncDue) return;
    schedule.isSyncDue = false;
    await this.#sync();
  }

  async #sync(): Promise<void> {
    if (this.#log.syncedBytes === this.#log.writtenBytes) return;
    await this.#log.sync();
    this.lastSyncUnixMs = this.#options.clock.wallMs();
  }

  async #succeed({ log }: Succession): Promise<void> {
    const old = this.#log;
    const { disk, unixTime } = this.#options;
    if (!this.#isBroken) {
      await this.#sync();
      if (log === undefined) await old.writeEnd(unixTime.nowMs());
    }
    old.close();
    if (log === undefined) return;
    // Begun after a failure, and no snapshot came of it: what it holds follows on nothing.
    if (old.needsSnapshot) await disk.remove(logName(old.generation)).catch(() => {});
    await log.create(disk);
    this.#log = log;
    this.#isBroken = false;
  }

  #runJob(): void {
    this.#isInJob = true;
    this.#jobs.shift()!();
    this.#isInJob = false;
    if (this.#jobs.length === 0) this.#isJobDue = false;
  }

  /** What the first step wanted is done. */
  #settle(step: Step): void {
    this.#steps.shift();
    for (const buffer of step.buffers) this.#journal.recycle(buffer);
    step.kept?.resolve();
    step.succession?.settled.resolve();
  }

  /** All that waits is lost; but those who wait are told only when it is certain. */
  #fail(error: unknown): void {
    this.#isBroken = true;
    this.#lost.push(...this.#steps, { buffers: [], kept: this.#kept });
    this.#steps = [];
    this.#kept = undefined;
    this.#options.schedule.clear();
    this.#options.onFailure(error);
  }

  /** Cuts the log back to what is kept, and tells those who wait for the rest. */
  async #giveUpLost(): Promise<void> {
    try {
      await this.#cutBack();
    } catch (error) {
      // Then a reader would find them: so a next generation replaces this log before anything is kept again.
      this.#options.log(`The append log of generation ${this.#log.generation} could not be cut back: ${error}`);
    }
    const lost = this.#lost.splice(0);
    if (lost.some(({ succession }) => succession !== undefined && succession.log === undefined)) this.#log.close();
    const error = this.#options.lossError();
    for (const { kept, succession } of lost) {
      kept?.reject(error);
      succession?.settled.reject(error);
    }
  }

  async #cutBack(): Promise<void> {
    const log = this.#log;
    if (!log.isOpen) return;
    if (this.#options.isAlways) return await log.cutBack(log.syncedBytes);
    // What a failed sync should have covered is whole, and nobody was told that it is synced.
    if (!log.hasFailedSync) await log.cutBack(wholeRecordsPosition(this.#lost[0]!.buffers, log.writtenBytes));
  }
}

/** For those who may ask, but need not listen. */
function withoutListener(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
