/**
 * The options of what entries the server takes, how much memory for them, and how it keeps them.
 *
 * @module
 */

import { formatDuration } from "../duration.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_KEPT_SNAPSHOTS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_SNAPSHOT_INTERVAL_MS,
  MAX_CONFIGURABLE_VALUE_BYTES,
} from "../limits.ts";
import { POLICY_NAMES } from "../storage/eviction/policy.ts";
import { MIN_MAX_MEMORY_BYTES } from "../storage/room.ts";
import { ALL } from "../storage/sealing_rule.ts";
import type { ListRow, SettingRow } from "./option_row.ts";
import {
  APPEND_LOG_MODES,
  NONE,
  parseAppendLog,
  parseDataDir,
  parseEviction,
  parseKeptSnapshots,
  parseMaxMemoryBytes,
  parseMaxValueBytes,
  parsePrefixes,
  parseSealedOnly,
  parseSnapshotChanges,
  parseSnapshotIntervalMs,
} from "./option_values.ts";
import { formatSize } from "./size.ts";

/** Entries. */
export const STORAGE_OPTIONS = [
  {
    name: "max-value-size",
    property: "maxValueBytes",
    placeholder: "SIZE",
    variable: "CRYPTOMEM_MAX_VALUE_SIZE",
    defaultText: formatSize(DEFAULT_MAX_VALUE_BYTES),
    summary: `Longest value taken, at most ${formatSize(MAX_CONFIGURABLE_VALUE_BYTES)}`,
    parse: parseMaxValueBytes,
  },
  {
    name: "max-memory",
    property: "maxMemoryBytes",
    placeholder: "SIZE",
    variable: "CRYPTOMEM_MAX_MEMORY",
    defaultText: NONE,
    summary: `All memory that entries may take, at least ${formatSize(MIN_MAX_MEMORY_BYTES)}`,
    parse: parseMaxMemoryBytes,
  },
  {
    name: "eviction",
    property: "eviction",
    placeholder: "POLICY",
    variable: "CRYPTOMEM_EVICTION",
    defaultText: DEFAULT_EVICTION,
    summary: `What goes when full: ${POLICY_NAMES.join(" ")}`,
    parse: parseEviction,
  },
  {
    name: "sealed-only",
    property: "sealedOnly",
    placeholder: "PREFIXES",
    variable: "CRYPTOMEM_SEALED_ONLY",
    defaultText: NONE,
    summary: `Keys that take sealed values only: ${ALL}, or prefixes`,
    isList: true,
    parse: parseSealedOnly,
  },
  {
    name: "counters",
    property: "counters",
    placeholder: "PREFIXES",
    variable: "CRYPTOMEM_COUNTERS",
    defaultText: NONE,
    summary: "Prefixes of such keys that take whole numbers too",
    isList: true,
    parse: parsePrefixes,
  },
  {
    name: "data-dir",
    property: "dataDir",
    placeholder: "DIR",
    variable: "CRYPTOMEM_DATA_DIR",
    defaultText: NONE,
    permission: "--allow-read=DIR --allow-write=DIR",
    summary: "Keep the entries in this folder too, not in memory only",
    parse: parseDataDir,
  },
  {
    name: "append-log",
    property: "appendLog",
    placeholder: "MODE",
    variable: "CRYPTOMEM_APPEND_LOG",
    defaultText: "everysec",
    summary: `When changes are synced: ${APPEND_LOG_MODES.join(" ")}`,
    needs: ["data-dir"],
    parse: parseAppendLog,
  },
  {
    name: "snapshot-interval",
    property: "snapshotIntervalMs",
    placeholder: "TIME",
    variable: "CRYPTOMEM_SNAPSHOT_INTERVAL",
    defaultText: formatDuration(DEFAULT_SNAPSHOT_INTERVAL_MS),
    summary: `How often changes lead to a snapshot, or ${NONE}`,
    needs: ["data-dir"],
    parse: parseSnapshotIntervalMs,
  },
  {
    name: "snapshot-changes",
    property: "snapshotChanges",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_SNAPSHOT_CHANGES",
    defaultText: NONE,
    summary: `How many changes lead to one, or ${NONE}`,
    needs: ["data-dir"],
    parse: parseSnapshotChanges,
  },
  {
    name: "snapshots-kept",
    property: "keptSnapshots",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_SNAPSHOTS_KEPT",
    defaultText: String(DEFAULT_KEPT_SNAPSHOTS),
    summary: "How many snapshots are kept, each with the logs since",
    needs: ["data-dir"],
    parse: parseKeptSnapshots,
  },
] as const satisfies readonly (SettingRow | ListRow)[];
