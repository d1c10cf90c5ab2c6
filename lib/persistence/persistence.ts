/**
 * What an operator asked to keep: ties an engine to its data directory. At the start it loads what is there, from then on
 * every change goes into the append log, snapshots are made as they are due, and at the end nothing is left behind.
 *
 * Which files there are is in data_directory.ts, when a change counts as kept in append_log.ts, what becomes of one that
 * is not in undo_log.ts, when snapshots are made in snapshot_schedule.ts.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Engine } from "../storage/engine.ts";
import { UnixTime } from "../unix_time.ts";
import { AppendLog, type AppendLogOptions, type AppendLogState, type LogMode } from "./append_log.ts";
import { ChangeJournal } from "./change_journal.ts";
import { DataDirectory, latestGeneration } from "./data_directory.ts";
import type { Disk } from "./disk.ts";
import { RecoveredEngine } from "./recovered_engine.ts";
import { recover, type Recovery } from "./recovery.ts";
import { type SavedSnapshot, SnapshotSchedule } from "./snapshot_schedule.ts";
import { UndoLog } from "./undo_log.ts";
import { explain } from "./unusable_file.ts";

/** What is kept, where, and how well. */
export interface PersistenceOptions {
  /** The data directory. */
  readonly disk: Disk;
  /** Empty, and used by nobody before {@linkcode Persistence.open} has resolved. */
  readonly engine: Engine;
  /** The engine's. */
  readonly clock: Clock;
  /** When changes are synced; `off` for snapshots only. */
  readonly appendLog: LogMode | "off";
  /** Time between two snapshots, if anything has changed; 0 = no limit. */
  readonly snapshotIntervalMs: number;
  /** Changes between two snapshots; 0 = no limit. */
  readonly snapshotChanges: number;
  /** How many snapshots stay, from 1, each with the logs since. */
  readonly keptSnapshots: number;
  /** Told a line for the operator. */
  readonly log: (line: string) => void;
}

/** How it is. */
export interface PersistenceStatus {
  /** When changes are synced. */
  readonly mode: LogMode | "off";
  /** How the append log is, if there is one. */
  readonly log: AppendLogState | undefined;
  /** The last generation that was begun. */
  readonly generation: number;
  /** Changes since the moment of the last snapshot, those before the start included. */
  readonly changesSinceSnapshot: number;
  /** Whether a snapshot is being written. */
  readonly isSnapshotUnderWay: boolean;
  /** For how long it has been; 0 if none is. */
  readonly snapshotUnderWayMs: number;
  /** The last snapshot since the start. */
  readonly lastSnapshot: SavedSnapshot | undefined;
  /** Why the last attempt to write one failed; "" if it did not. */
  readonly snapshotFailure: string;
  /** What was loaded at the start. */
  readonly recovery: Recovery;
}

/** An engine with a data directory. */
export class Persistence {
  /** What was loaded. */
  readonly recovery: Recovery;
  readonly #options: PersistenceOptions;
  readonly #directory: DataDirectory;
  readonly #log: AppendLog | undefined;
  readonly #journal: ChangeJournal;
  readonly #snapshots: SnapshotSchedule;
  #closed: Promise<void> | undefined;

  private constructor(
    options: PersistenceOptions,
    parts: { directory: DataDirectory; recovery: Recovery; log: AppendLog | undefined; snapshots: SnapshotSchedule },
  ) {
    const { engine } = options, { log } = parts;
    this.#options = options;
    this.#directory = parts.directory;
    this.recovery = parts.recovery;
    this.#log = log;
    this.#snapshots = parts.snapshots;
    const undo = log !== undefined && options.appendLog === "always"
      ? new UndoLog({ engine, pending: () => log.pending() })
      : undefined;
    this.#journal = new ChangeJournal(log?.journal, undo);
    this.#snapshots.start(this.#journal, log);
    engine.journal = this.#journal;
  }

  /**
   * Locks the directory, loads what it holds and begins to keep what changes.
   *
   * @throws CryptomemError `STORAGE` in one line that says what to do; the directory is free again then, and the engine
   * must be thrown away. `OUT_OF_MEMORY` if the engine has no room for what it holds
   */
  static async open(options: PersistenceOptions): Promise<Persistence> {
    const { disk, engine, clock, keptSnapshots } = options;
    if (!(keptSnapshots >= 1)) throw new RangeError(`Cannot keep ${keptSnapshots} snapshots: it must be 1 or more`);
    const directory = await DataDirectory.open(disk).catch((error) => {
      throw explain(error, disk.path, "");
    });
    try {
      const unixTime = new UnixTime(clock);
      const recovered = new RecoveredEngine(engine, unixTime);
      const recovery = await recover(disk, recovered, clock);
      for (const warning of recovery.warnings) options.log(warning);
      const persistence = await Persistence.#begin(options, directory, recovery, unixTime);
      if (recovered.lacksEntries) await persistence.#forgetForGood();
      return persistence;
    } catch (error) {
      directory.close();
      throw explain(error, disk.path, "");
    }
  }

  static async #begin(
    options: PersistenceOptions,
    directory: DataDirectory,
    recovery: Recovery,
    unixTime: UnixTime,
  ): Promise<Persistence> {
    const { disk, engine, clock, appendLog, log } = options;
    const generation = latestGeneration(await directory.generations());
    const snapshots = new SnapshotSchedule({
      directory,
      engine,
      clock,
      unixTime,
      intervalMs: options.snapshotIntervalMs,
      maxChanges: options.snapshotChanges,
      keptSnapshots: options.keptSnapshots,
      log,
    }, {
      generation: Math.max(appendLog === "off" ? 0 : 1, generation),
      changes: recovery.changes,
      snapshotBytes: recovery.bytes - recovery.logBytes,
    });
    if (appendLog === "off") return new Persistence(options, { directory, recovery, log: undefined, snapshots });
    const { startNextGeneration } = snapshots;
    const logOptions: AppendLogOptions = { disk, mode: appendLog, clock, unixTime, startNextGeneration, log };
    // A snapshot has no log of its own if it was written without one.
    const isLogThere = recovery.log > 0 && recovery.log === generation;
    return new Persistence(options, {
      directory,
      recovery,
      log: isLogThere
        ? await AppendLog.resume(logOptions, generation, recovery.logBytes)
        : await AppendLog.begin(logOptions, snapshots.generation),
      snapshots,
    });
  }

  /** Where the data directory is. */
  get path(): string {
    return this.#options.disk.path;
  }

  /** What it keeps. */
  get engine(): Engine {
    return this.#options.engine;
  }

  /** The engine's. */
  get clock(): Clock {
    return this.#options.clock;
  }

  /**
   * Under `always`: settles when all changes so far are synced; `undefined` if they are, and in other modes. To be asked in
   * the turn in which they were made, before anything is awaited.
   *
   * @returns rejects with CryptomemError `STORAGE` if they could not be kept; in memory they have been taken back by then
   */
  pending(): Promise<void> | undefined {
    return this.#journal.undo?.pending();
  }

  /**
   * Makes a snapshot of a moment after this call.
   *
   * @returns resolves when it would survive a power cut; rejects with CryptomemError `STORAGE`
   */
  save(): Promise<void> {
    return this.#snapshots.save();
  }

  /** Makes a snapshot, unless one is being made or about to be. Returns whether none was. */
  saveInBackground(): boolean {
    return this.#snapshots.saveInBackground();
  }

  /** How it is. */
  status(): PersistenceStatus {
    const { isUnderWay, beginMs, last, failure, changesSince, generation } = this.#snapshots;
    return {
      mode: this.#options.appendLog,
      log: this.#log?.status(),
      generation,
      changesSinceSnapshot: changesSince,
      isSnapshotUnderWay: isUnderWay,
      snapshotUnderWayMs: isUnderWay ? this.#options.clock.nowMs() - beginMs : 0,
      lastSnapshot: last,
      snapshotFailure: failure,
      recovery: this.recovery,
    };
  }

  /**
   * Keeps what has not been kept yet, and lets the directory go; to be called when nobody is served any more. Changes that
   * are asked for afterwards are refused.
   *
   * @param options.snapshot whether a last snapshot is made, if anything has changed; without a log there always is one
   * @returns rejects with CryptomemError `STORAGE` if not everything could be kept
   */
  close(options: { readonly snapshot: boolean }): Promise<void> {
    return this.#closed ??= this.#close(options.snapshot || this.#log === undefined)
      .finally(() => this.#directory.close());
  }

  async #close(isSnapshotWanted: boolean): Promise<void> {
    this.#journal.refusal = "the data directory is being closed";
    const lastBefore = this.#snapshots.last;
    try {
      await this.#snapshots.close(isSnapshotWanted || this.#log?.status().state === "failing");
    } catch (error) {
      if (this.#log === undefined) throw error;
      // The operator was told; and the log has everything too.
    }
    try {
      await this.#log?.close();
    } catch (error) {
      // What a failing log did not take is in a last snapshot.
      if (this.#snapshots.last === lastBefore) throw error;
    } finally {
      await this.pending()?.catch(() => {});
    }
  }

  /** So that no later recovery brings back what this one could not, or must not, load. */
  async #forgetForGood(): Promise<void> {
    const saved = this.save();
    this.#snapshots.isHurried = true;
    await saved.catch(() => {});
    this.#snapshots.isHurried = false;
  }
}
