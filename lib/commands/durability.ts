/**
 * The seam between the commands and what keeps the entries beyond the process (lib/persistence), which nothing here
 * imports: a server without a data directory never loads it.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Store } from "../storage/store.ts";

/** Keeps the changes of a store. */
export interface Durability {
  /** Where it keeps them. */
  readonly path: string;
  /** What it keeps: the server's entries. */
  readonly engine: Store;
  /** The clock that these are kept by. */
  readonly clock: Clock;

  /**
   * Settles when all changes so far are durable; `undefined` if nobody has to wait for that. To be asked in the turn in
   * which a reply was made.
   *
   * @returns rejects with CryptomemError `STORAGE` if they could not be kept, after they have been taken back
   */
  pending(): Promise<void> | undefined;

  /**
   * Writes a snapshot, in the background: requests go on.
   *
   * @returns resolves when one of a moment after the call is durable; rejects with CryptomemError `STORAGE`
   */
  save(): Promise<void>;

  /** Begins a snapshot, unless one is under way or about to be. Returns whether none was. */
  saveInBackground(): boolean;

  /** How all of that is. */
  status(): DurabilityStatus;

  /**
   * Makes what there is durable, and lets the directory go. A second call returns what the first did.
   *
   * @param options.snapshot whether a last snapshot is made, if anything has changed; without a log there always is one
   * @returns rejects with CryptomemError `STORAGE` if not everything could be kept
   */
  close(options: { readonly snapshot: boolean }): Promise<void>;
}

/** How durable the entries are, for INFO and STATS. Moments are Unix times in milliseconds. */
export interface DurabilityStatus {
  /** When changes are synced; `off` without an append log. */
  readonly mode: "always" | "everysec" | "no" | "off";
  /** How the append log is; `undefined` if there is none. */
  readonly log: AppendLogState | undefined;
  /** The last generation of snapshot and log that was begun. */
  readonly generation: number;
  /** Changes since the moment of the last snapshot, those before the start included. */
  readonly changesSinceSnapshot: number;
  /** Whether a snapshot is being written. */
  readonly isSnapshotUnderWay: boolean;
  /** For how long it has been; 0 if none is. */
  readonly snapshotUnderWayMs: number;
  /** The last snapshot since the start. */
  readonly lastSnapshot: SnapshotState | undefined;
  /** Why the last attempt to write one failed; "" if it did not. */
  readonly snapshotFailure: string;
  /** What was loaded at the start. */
  readonly recovery: RecoveryState;
}

/** How an append log is. */
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
  /** How much is still to be written. */
  readonly waitingBytes: number;
  /** When a sync last ended well; 0 = not yet. */
  readonly lastSyncUnixMs: number;
}

/** A snapshot that is there. */
export interface SnapshotState {
  /** Its generation. */
  readonly generation: number;
  /** The moment whose entries it holds. */
  readonly takenUnixMs: number;
  /** How long it took to write. */
  readonly durationMs: number;
  /** How many entries it holds. */
  readonly entries: number;
  /** Its length. */
  readonly bytes: number;
}

/** What was loaded at the start. */
export interface RecoveryState {
  /** Generation of the snapshot that was loaded, 0 if there was none. */
  readonly snapshot: number;
  /** Generation of the last log that was read, 0 if there was none. */
  readonly log: number;
  /** Entries of the snapshot. */
  readonly entries: number;
  /** Changes in the logs. */
  readonly changes: number;
  /** Entries that were not kept because their time was over, or cannot be known. */
  readonly dropped: number;
  /** Bytes of all files that were read. */
  readonly bytes: number;
  /** Bytes that were cut off the last log. */
  readonly cutBytes: number;
  /** How long it took. */
  readonly durationMs: number;
}
