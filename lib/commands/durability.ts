/**
 * The seam between the commands and what keeps the entries beyond the process (lib/persistence), of which nothing but
 * types is imported here: a server without a data directory never loads it.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { AppendLogState } from "../persistence/append_log.ts";
import type { RecoveryState } from "../persistence/recovery.ts";
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
