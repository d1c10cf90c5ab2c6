/**
 * When snapshots of an engine are made: when somebody asks, at an interval, after so many changes, when the append log has
 * outgrown the last one, and to make a failing log whole again. One at a time; each begins a generation, and what is older
 * than the kept ones goes.
 *
 * One that fails is tried again, and nothing else suffers: no write is refused for it.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { MIN_COMPACTED_LOG_BYTES, SNAPSHOT_LOOK_MS, SNAPSHOT_RETRY_MS } from "./limits.ts";
import type { Engine } from "../storage/engine.ts";
import type { UnixTime } from "../unix_time.ts";
import type { AppendLog } from "./append_log.ts";
import type { ChangeJournal } from "./change_journal.ts";
import type { DataDirectory } from "./data_directory.ts";
import { SnapshotRun } from "./snapshot_run.ts";
import type { SnapshotSize } from "./snapshot_writer.ts";

/** What it needs. */
export interface SnapshotScheduleOptions {
  readonly directory: DataDirectory;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly unixTime: UnixTime;
  /** Time between two; 0 = no limit. */
  readonly intervalMs: number;
  /** Changes between two; 0 = no limit. */
  readonly maxChanges: number;
  readonly keptSnapshots: number;
  /** Told a line for the operator. */
  readonly log: (line: string) => void;
}

/** Where a directory was when its recovery ended. */
export interface RecoveredPoint {
  /** The last generation. */
  readonly generation: number;
  /** Changes since the last snapshot. */
  readonly changes: number;
  /** Bytes of that, and of what belongs to it. */
  readonly snapshotBytes: number;
}

/** A snapshot that is there. */
export interface SavedSnapshot extends SnapshotSize {
  readonly generation: number;
  /** The moment whose entries it holds. */
  readonly takenUnixMs: number;
  /** How long it took to write. */
  readonly durationMs: number;
}

/** See the module. */
export class SnapshotSchedule {
  /** The last that was made since the start. */
  last: SavedSnapshot | undefined;
  /** Why the last attempt failed; "" if it did not. */
  failure = "";
  /** The last generation. */
  generation: number;
  /** Whether nobody is served who would have to wait: then snapshots do not rest. */
  isHurried = false;
  readonly #options: SnapshotScheduleOptions;
  #journal!: ChangeJournal;
  #appendLog: AppendLog | undefined;
  /** Changes that the journal had counted when the last one began; below 0 by those that were there before. */
  #countedBefore: number;
  /** Size of the last. */
  #lastBytes: number;
  #beginMs: number;
  #retryMs = 0;
  #lookTimer: Timer | undefined;
  /** Those who wait for one that is yet to begin. */
  #asked: PromiseWithResolvers<void> | undefined;
  #run: SnapshotRun | undefined;
  /** Settles when nothing is under way; `undefined` if nothing is. Never rejects. */
  #busy: Promise<void> | undefined;
  #isClosing = false;

  constructor(options: SnapshotScheduleOptions, { generation, changes, snapshotBytes }: RecoveredPoint) {
    this.#options = options;
    this.generation = generation;
    this.#countedBefore = -changes;
    this.#lastBytes = snapshotBytes;
    this.#beginMs = options.clock.nowMs();
  }

  /** From now on changes are counted and recorded there. */
  start(journal: ChangeJournal, appendLog: AppendLog | undefined): void {
    this.#journal = journal;
    this.#appendLog = appendLog;
    this.#lookLater();
  }

  /** Changes since the moment of the last snapshot. */
  get changesSince(): number {
    return this.#journal.changes - this.#countedBefore;
  }

  /** Whether one is being made. */
  get isUnderWay(): boolean {
    return this.#run !== undefined;
  }

  /** When the one that is being made began, on the clock. */
  get beginMs(): number {
    return this.#beginMs;
  }

  /**
   * Makes one of a moment after this call.
   *
   * @returns resolves when it would survive a power cut; rejects with CryptomemError `STORAGE`
   */
  save(): Promise<void> {
    if (this.#isClosing) return Promise.reject(closed());
    this.#asked ??= withoutListener();
    this.#startAsked();
    return this.#asked.promise;
  }

  /** Makes one, unless one is being made or about to be. Returns whether it was not. */
  saveInBackground(): boolean {
    if (this.#isClosing || this.#run !== undefined || this.#asked !== undefined) return false;
    void this.save().catch(() => {});
    return true;
  }

  /** {@linkcode AppendLogOptions.startNextGeneration}. */
  readonly startNextGeneration = async (): Promise<void> => {
    // Of a moment at which the log had not failed, so it would not make it whole.
    await this.#run?.abort();
    await this.#alone(() => this.#isClosing ? Promise.reject(closed()) : this.#makeOne());
  };

  /**
   * Makes nothing more by itself, and ends what is under way.
   *
   * @param isFinal whether a last one is to be made, if anything has changed
   * @returns rejects if that fails
   */
  async close(isFinal: boolean): Promise<void> {
    this.#isClosing = this.isHurried = true;
    this.#lookTimer?.cancel();
    if (isFinal) this.#run?.hurry();
    else await this.#run?.abort();
    try {
      await this.#alone(async () => {
        if (isFinal && (this.changesSince > 0 || this.#asked !== undefined)) await this.#makeOne();
      });
    } finally {
      this.#asked?.reject(closed());
    }
  }

  #startAsked(): void {
    // Not now: a command may ask in the middle of changes that belong together.
    if (this.#busy === undefined && !this.#isLogFailing) queueMicrotask(this.#makeAsked);
  }

  readonly #makeAsked = (): void => {
    // While the log fails, the attempts to make it whole are what is waited for.
    if (this.#busy !== undefined || this.#asked === undefined || this.#isLogFailing || this.#isClosing) return;
    void this.#alone(() => this.#makeOne()).catch(() => {}).then(this.#makeAsked);
  };

  /** One after the other. */
  async #alone(work: () => Promise<void>): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
    const end = Promise.withResolvers<void>();
    this.#busy = end.promise;
    try {
      await work();
    } finally {
      this.#busy = undefined;
      end.resolve();
    }
  }

  async #makeOne(): Promise<void> {
    const { clock, unixTime, directory, engine } = this.#options;
    // What could not be kept must be taken back before the moment of the snapshot.
    if (this.#isLogFailing) await this.#journal.undo?.pending()?.catch(() => {});
    const asked = this.#asked;
    this.#asked = undefined;
    try {
      this.#beginMs = clock.nowMs();
      const takenUnixMs = unixTime.nowMs(), counted = this.#journal.changes, generation = ++this.generation;
      // In one turn: the snapshot is what there was before the first change of the log.
      const kept = this.#appendLog?.switchTo(generation) ?? Promise.resolve();
      const run = this.#run = new SnapshotRun({ disk: directory.disk, engine, clock, unixTime, generation, kept });
      if (this.isHurried) run.hurry();
      const size = await run.done;
      this.last = { ...size, generation, takenUnixMs, durationMs: clock.nowMs() - this.#beginMs };
      this.#countedBefore = counted;
      this.#lastBytes = size.bytes;
      if (this.failure !== "") this.#options.log("Snapshots can be written again");
      this.failure = "";
    } catch (error) {
      this.#failed(error);
      asked?.reject(error);
      throw error;
    } finally {
      this.#run = undefined;
    }
    asked?.resolve();
    await this.#prune();
  }

  #failed(error: unknown): void {
    const isNew = this.failure === "";
    this.failure = error instanceof Error ? error.message : String(error);
    this.#retryMs = this.#options.clock.nowMs() + SNAPSHOT_RETRY_MS;
    if (isNew) this.#options.log(`${this.failure}; it is tried again until it can be written`);
  }

  async #prune(): Promise<void> {
    try {
      await this.#options.directory.prune(this.#options.keptSnapshots);
    } catch (error) {
      this.#options.log(`Cannot remove old files of ${this.#options.directory.disk.path}: ${error}`);
    }
  }

  get #isLogFailing(): boolean {
    return this.#appendLog?.status().state === "failing";
  }

  #lookLater(): void {
    this.#lookTimer = this.#options.clock.schedule(SNAPSHOT_LOOK_MS, this.#look);
  }

  readonly #look = (): void => {
    if (this.#asked === undefined && this.#run === undefined && this.#isDue()) this.saveInBackground();
    // Somebody may have asked while the log failed.
    else if (this.#asked !== undefined) this.#startAsked();
    this.#lookLater();
  };

  #isDue(): boolean {
    const { clock, intervalMs, maxChanges } = this.#options;
    const nowMs = clock.nowMs();
    if (this.failure !== "") return nowMs >= this.#retryMs;
    const changes = this.changesSince;
    if (changes === 0) return false;
    return intervalMs > 0 && nowMs - this.#beginMs >= intervalMs || maxChanges > 0 && changes >= maxChanges ||
      this.#isLogLong();
  }

  /** Whether the log has doubled what must be read at a start. */
  #isLogLong(): boolean {
    if (this.#appendLog === undefined) return false;
    return this.#appendLog.status().bytes >= Math.max(MIN_COMPACTED_LOG_BYTES, this.#lastBytes);
  }
}

function closed(): CryptomemError {
  return new CryptomemError("STORAGE", "Cannot write a snapshot: the data directory is being closed");
}

/** For those who may ask, but need not listen. */
function withoutListener(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
