/**
 * A data directory for {@linkcode serve}. What keeps it is loaded here and not before: a server whose entries are in
 * memory only never has it in memory.
 *
 * @module
 */

import { type Clock, systemClock, turnClock } from "../clock.ts";
import type { Durability } from "../commands/durability.ts";
import { DEFAULT_EVICTION, DEFAULT_KEPT_SNAPSHOTS, DEFAULT_SNAPSHOT_INTERVAL_MS } from "../limits.ts";
import { Engine } from "../storage/engine.ts";
import type { PolicyName } from "../storage/eviction/policy.ts";

/** How entries are kept; everything has a default. */
export interface OpenPersistenceOptions {
  /**
   * When changes are synced: `always`, before their reply; `everysec`, within a second; `no`, when the system does; `off`,
   * there is no log of changes, only snapshots. Default `everysec`.
   */
  readonly appendLog?: "always" | "everysec" | "no" | "off";
  /** How often a snapshot is made if anything has changed, in milliseconds; Infinity = never. Default 5 minutes. */
  readonly snapshotIntervalMs?: number;
  /** After how many changes one is made. Default Infinity, which means never. */
  readonly snapshotChanges?: number;
  /** How many snapshots are kept, each with the logs since. Default 2. */
  readonly keptSnapshots?: number;
  /** All the memory that entries, index and policy may take, in bytes. Default: no limit. */
  readonly maxMemoryBytes?: number;
  /** What goes when that limit is reached. Default `s3-fifo`. */
  readonly eviction?: PolicyName;
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Told one line for each thing that an operator should know. Default: nobody. */
  readonly log?: (line: string) => void;
}

/**
 * Opens a data directory, made if there is none, and loads what it holds. Needs to read and write it.
 *
 * @example A cache that survives its process
 * ```ts ignore
 * import { openPersistence, serve } from "@cryptomem/server";
 *
 * const persistence = await openPersistence("./data", { appendLog: "always" });
 * await using server = serve({ persistence });
 * ```
 *
 * @param path the folder; the one that it is in must exist
 * @throws {CryptomemError} `STORAGE` in one line that says what to do: another process uses it, it holds what cannot be
 * loaded, or may not be used
 */
export async function openPersistence(path: string, options: OpenPersistenceOptions = {}): Promise<Durability> {
  const { maxMemoryBytes = Infinity, eviction = DEFAULT_EVICTION } = options;
  const { snapshotIntervalMs = DEFAULT_SNAPSHOT_INTERVAL_MS, snapshotChanges = Infinity } = options;
  const [{ DenoDisk }, { Persistence }] = await Promise.all([
    import("../persistence/deno_disk.ts"),
    import("../persistence/persistence.ts"),
  ]);
  const clock = turnClock(options.clock ?? systemClock);
  return await Persistence.open({
    disk: await DenoDisk.open(path),
    engine: new Engine({ clock, maxMemoryBytes, policy: eviction }),
    clock,
    appendLog: options.appendLog ?? "everysec",
    snapshotIntervalMs: snapshotIntervalMs === Infinity ? 0 : snapshotIntervalMs,
    snapshotChanges: snapshotChanges === Infinity ? 0 : snapshotChanges,
    keptSnapshots: options.keptSnapshots ?? DEFAULT_KEPT_SNAPSHOTS,
    log: options.log ?? (() => {}),
  });
}
