/**
 * Which files of a data directory are whose.
 *
 * ```
 * snapshot-<generation>.cryptomem       all entries as they were before the first change in the log of that generation
 * log-<generation>.cryptomem            the changes since then
 * snapshot-….new, log-….new             being written; without worth once nobody writes them
 * lock                                  locked while a server uses the directory
 * ```
 *
 * A generation has ten digits and counts from 1. What has other names belongs to others and is never touched, save that
 * a file which ends in `.cryptomem` but is called as none of ours is refused: somebody has put back a backup under a wrong
 * name, and starting without it would look as if the data were gone.
 *
 * @module
 */
import { CryptomemError } from "../errors.ts";
import { MAX_GENERATION } from "./limits.ts";
import type { Disk, DiskLock } from "./disk.ts";

const GENERATION_DIGITS = 10;
const OUR_NAME = /^(snapshot|log)-(\d{10})\.cryptomem(\.new)?$/;
const LIKE_OUR_NAME = /\.cryptomem$/i;

/** The generations that have files, in rising order. */
export interface Generations {
  /** Those with a snapshot. */
  readonly snapshots: readonly number[];
  /** Those with a log. */
  readonly logs: readonly number[];
}

/** The name of a snapshot. */
export function snapshotName(generation: number): string {
  return nameOf("snapshot", generation);
}

/** The name of a log. */
export function logName(generation: number): string {
  return nameOf("log", generation);
}

/** What a file is called while it is being written, before it is renamed to what it will be. */
export function unfinishedName(name: string): string {
  return `${name}.new`;
}

/** The latest generation that has a file, 0 if there is none. */
export function latestGeneration({ snapshots, logs }: Generations): number {
  return Math.max(0, snapshots.at(-1) ?? 0, logs.at(-1) ?? 0);
}

/**
 * Which files there are; the directory need not be locked.
 *
 * @throws {CryptomemError} `STORAGE` for a file that is called almost as ours are
 */
export async function listGenerations(disk: Disk): Promise<Generations> {
  const { snapshots, logs } = await survey(disk);
  return { snapshots, logs };
}

/** A directory that this process alone uses. */
export class DataDirectory {
  readonly disk: Disk;
  readonly #lock: DiskLock;

  private constructor(disk: Disk, lock: DiskLock) {
    this.disk = disk;
    this.#lock = lock;
  }

  /**
   * Lock it, and remove what an earlier process has not finished.
   *
   * @throws {CryptomemError} `STORAGE` if another process uses it, or for a file that is called almost as ours are
   */
  static async open(disk: Disk): Promise<DataDirectory> {
    const lock = await disk.lock();
    try {
      for (const name of (await survey(disk)).unfinished) await disk.remove(name);
    } catch (error) {
      lock.release();
      throw error;
    }
    return new DataDirectory(disk, lock);
  }

  /** Which files there are. */
  generations(): Promise<Generations> {
    return listGenerations(this.disk);
  }

  /**
   * Remove what is older than the latest `keptSnapshots` snapshots. Where there are fewer, everything stays: the logs
   * from the first generation on are as good as one snapshot more.
   *
   * To be called once the latest snapshot is durable, its name included.
   *
   * @returns the names of the removed files
   */
  async prune(keptSnapshots: number): Promise<string[]> {
    if (!(keptSnapshots >= 1)) throw new RangeError(`Cannot keep ${keptSnapshots} snapshots: it must be 1 or more`);
    const { snapshots, logs } = await this.generations();
    const oldestKept = snapshots.at(-keptSnapshots);
    if (oldestKept === undefined) return [];
    const isOld = (generation: number): boolean => generation < oldestKept;
    const oldLogs = logs.filter(isOld).map(logName);
    const oldSnapshots = snapshots.filter(isOld).map(snapshotName);
    // Logs first, for certain: a snapshot without its log is seen to be incomplete, a log without its snapshot need not be.
    for (const names of [oldLogs, oldSnapshots]) {
      for (const name of names) await this.disk.remove(name);
      if (oldLogs.length + oldSnapshots.length > 0) await this.disk.syncDirectory();
    }
    return [...oldLogs, ...oldSnapshots];
  }

  /** Let others use it. */
  close(): void {
    this.#lock.release();
  }
}

function nameOf(kind: "snapshot" | "log", generation: number): string {
  if (!Number.isInteger(generation) || generation < 1 || generation > MAX_GENERATION) {
    throw new RangeError(`Cannot name generation ${generation}: it must be from 1 to ${MAX_GENERATION}`);
  }
  return `${kind}-${String(generation).padStart(GENERATION_DIGITS, "0")}.cryptomem`;
}

async function survey(disk: Disk): Promise<{ snapshots: number[]; logs: number[]; unfinished: string[] }> {
  const snapshots: number[] = [];
  const logs: number[] = [];
  const unfinished: string[] = [];
  for (const name of await disk.list()) {
    const [, kind, digits, suffix] = OUR_NAME.exec(name) ?? [];
    const generation = Number(digits ?? 0);
    if (generation > 0) {
      if (suffix !== undefined) unfinished.push(name);
      else if (kind === "log") logs.push(generation);
      else snapshots.push(generation);
    } else if (LIKE_OUR_NAME.test(name)) {
      throw new CryptomemError(
        "STORAGE",
        `Cannot use ${disk.path}: ${JSON.stringify(name)} is called almost as the files of Cryptomem are ` +
          `(such as ${snapshotName(1)}); give it its right name, or move it away`,
      );
    }
  }
  const rising = (a: number, b: number): number => a - b;
  return { snapshots: snapshots.sort(rising), logs: logs.sort(rising), unfinished };
}
