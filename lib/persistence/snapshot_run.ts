/**
 * One snapshot of an engine on its way to the disk, while requests go on: entries are given in slices of a millisecond,
 * with a rest after each, and no faster than the disk takes them.
 *
 * It gets its name only when what came before its moment is kept for certain: else a reader could find in it changes that
 * were refused, and not find those before.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { SNAPSHOT_SLICE_MS } from "./limits.ts";
import type { Engine } from "../storage/engine.ts";
import type { Snapshot } from "../storage/snapshots.ts";
import type { UnixTime } from "../unix_time.ts";
import type { Disk } from "./disk.ts";
import { expiryDate } from "./expiry_date.ts";
import { type SnapshotSize, SnapshotWriter } from "./snapshot_writer.ts";

/** Between two looks at the clock: some 10 µs of work, 50 where entries are large. */
const ENTRIES_PER_LOOK = 32;
/** Where the clock stands still, as one does that is read once a turn. */
const MAX_LOOKS_PER_SLICE = 64;

/** What a snapshot is made of. */
export interface SnapshotRunOptions {
  readonly disk: Disk;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly unixTime: UnixTime;
  /** Its own. */
  readonly generation: number;
  /** Resolves when all changes before this moment are kept; if it rejects, there is no snapshot. */
  readonly kept: Promise<void>;
}

/** See the module. */
export class SnapshotRun {
  /** Resolves when it would survive a power cut; rejects with CryptomemError `STORAGE`, and then nothing of it is left. */
  readonly done: Promise<SnapshotSize>;
  readonly #clock: Clock;
  readonly #unixTime: UnixTime;
  readonly #kept: Promise<void>;
  readonly #writer: SnapshotWriter;
  readonly #snapshot: Snapshot;
  #isHurried = false;
  #restTimer: Timer | undefined;
  #endRest: (() => void) | undefined;

  /** Begins: it will hold the entries of this moment. */
  constructor({ disk, engine, clock, unixTime, generation, kept }: SnapshotRunOptions) {
    this.#clock = clock;
    this.#unixTime = unixTime;
    this.#kept = kept;
    const writer = this.#writer = new SnapshotWriter(disk, { generation, takenUnixMs: unixTime.nowMs() });
    this.#snapshot = engine.beginSnapshot({
      add: (key, value, expiryMs) => writer.add(key, value, expiryDate(expiryMs, unixTime)),
    });
    kept.catch(() => this.abort());
    this.done = this.#run();
    this.done.catch(() => {});
  }

  /** Rests no more: nobody is served any longer. */
  hurry(): void {
    this.#isHurried = true;
    this.#restTimer?.cancel();
    this.#endRest?.();
  }

  /** Gives it up, unless it is nearly done. Resolves when nothing more happens. */
  async abort(): Promise<void> {
    void this.#writer.abort();
    this.hurry();
    await this.done.catch(() => {});
  }

  async #run(): Promise<SnapshotSize> {
    try {
      while (this.#giveSlice()) {
        await this.#writer.room();
        if (!this.#isHurried) await this.#rest();
      }
      await this.#kept;
      return await this.#writer.finish();
    } catch (error) {
      this.#snapshot.abort();
      await this.#writer.abort();
      throw error;
    }
  }

  /** Returns whether there may be more. */
  #giveSlice(): boolean {
    const endMs = this.#clock.nowMs() + SNAPSHOT_SLICE_MS;
    this.#unixTime.nowMs();
    for (let look = 0; look < MAX_LOOKS_PER_SLICE; look++) {
      if (!this.#snapshot.step(ENTRIES_PER_LOOK)) return false;
      if (this.#clock.nowMs() >= endMs) break;
    }
    return true;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#endRest = resolve;
      this.#restTimer = this.#clock.schedule(0, resolve);
    });
  }
}
