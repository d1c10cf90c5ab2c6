/**
 * INFO: what the server is and does, in the fields of Redis that tools read. A field whose value is not known here is
 * left out.
 *
 * @module
 */

import type { Request, Response } from "../codec/message.ts";
import type { EntryCount } from "../storage/store.ts";
import { REDIS_VERSION, VERSION } from "../version.ts";
import type { CommandContext } from "./command.ts";
import { redisPolicy } from "./redis_policy.ts";
import { lastSaveSeconds } from "./saving.ts";
import type { ServerState } from "./server_state.ts";
import { sealingStatistics } from "./statistics.ts";
import { totals } from "./totals.ts";
import { optionOf } from "./words.ts";

type Fields = Readonly<Record<string, string | number>>;

const SECONDS_PER_DAY = 86_400;
const MICROSECONDS_PER_MS = 1_000;
const MS_PER_SECOND = 1_000;
const BYTES_PER_STEP = 1024;

/** By name in lower case, in Redis' order. */
const SECTIONS: Readonly<Record<string, (server: ServerState) => Fields>> = {
  server: ({ clock, port, runId, startedMs }) => {
    const uptimeSeconds = Math.floor((clock.nowMs() - startedMs) / MS_PER_SECOND);
    return {
      redis_version: REDIS_VERSION,
      cryptomem_version: VERSION,
      redis_mode: "standalone",
      run_id: runId,
      tcp_port: port,
      server_time_usec: Math.floor(clock.wallMs() * MICROSECONDS_PER_MS),
      uptime_in_seconds: uptimeSeconds,
      uptime_in_days: Math.floor(uptimeSeconds / SECONDS_PER_DAY),
    };
  },

  clients: ({ clients }) => ({ connected_clients: clients.size }),

  memory: ({ store }) => {
    const { memoryBytes, keyBytes, valueBytes, maxMemoryBytes, policy } = store.stats();
    const maxmemory = maxMemoryBytes === Infinity ? 0 : maxMemoryBytes;
    return {
      used_memory: memoryBytes,
      used_memory_human: human(memoryBytes),
      used_memory_dataset: keyBytes + valueBytes,
      maxmemory,
      maxmemory_human: human(maxmemory),
      maxmemory_policy: redisPolicy(policy, maxMemoryBytes),
      eviction: policy,
    };
  },

  persistence: (server) => persistenceFields(server),

  stats: (server) => {
    const counts = totals(server);
    return {
      total_connections_received: counts.connections,
      total_commands_processed: counts.commands,
      total_net_input_bytes: counts.inputBytes,
      total_net_output_bytes: counts.outputBytes,
      rejected_connections: counts.rejected,
      acl_access_denied_auth: counts.refusedAttempts,
      expired_keys: counts.expired,
      evicted_keys: counts.evicted,
      keyspace_hits: counts.hits,
      keyspace_misses: counts.misses,
      pubsub_channels: server.channels.names.length,
      pubsub_patterns: server.channels.patternCount,
    };
  },

  sealing: ({ store }) => {
    const { keys, otherKeys, unsealed } = sealingStatistics(store);
    return {
      ...Object.fromEntries(keys.map((key) => [`key_${key.id}`, countText(key)])),
      other_keys: countText(otherKeys),
      unsealed: countText(unsealed),
    };
  },

  replication: () => ({ role: "master", connected_slaves: 0 }),

  /** What the process used of the processor is not known without another permission. */
  cpu: () => ({}),

  keyspace: ({ store }): Fields => {
    const { entries } = store.stats();
    return entries === 0 ? {} : { db0: `keys=${entries}` };
  },
};

/** All sections, or those that the words name; an unknown name adds nothing. */
export function info({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  const wanted = words.slice(0, wordCount).map(optionOf);
  const isAll = wordCount === 0 || wanted.some((name) => ["all", "default", "everything"].includes(name));
  response.answer(
    Object.entries(SECTIONS)
      .filter(([name]) => isAll || wanted.includes(name))
      .map(([name, fieldsOf]) => sectionText(name, fieldsOf(server)))
      .join("\r\n"),
  );
}

/** Redis' names where there is one for it. */
function persistenceFields(server: ServerState): Fields {
  const status = server.durability?.status();
  const fields = {
    loading: 0,
    rdb_bgsave_in_progress: Number(status?.isSnapshotUnderWay ?? false),
    rdb_last_save_time: lastSaveSeconds(server),
    aof_enabled: Number(status?.log !== undefined),
    aof_rewrite_in_progress: Number(status?.log !== undefined && status.isSnapshotUnderWay),
  };
  if (status === undefined) return fields;
  const { log, lastSnapshot, recovery } = status;
  const saved = statusText(status.snapshotFailure === "");
  return {
    ...fields,
    rdb_changes_since_last_save: status.changesSinceSnapshot,
    rdb_last_bgsave_status: saved,
    rdb_last_bgsave_time_sec: lastSnapshot === undefined ? -1 : Math.round(lastSnapshot.durationMs / MS_PER_SECOND),
    rdb_current_bgsave_time_sec: status.isSnapshotUnderWay ? Math.round(status.snapshotUnderWayMs / MS_PER_SECOND) : -1,
    rdb_last_load_keys_loaded: recovery.entries,
    rdb_last_load_keys_expired: recovery.dropped,
    ...(log !== undefined && {
      aof_last_write_status: statusText(log.state === "ok"),
      aof_last_bgrewrite_status: saved,
      aof_current_size: log.bytes,
      aof_buffer_length: log.waitingBytes,
      append_log_generation: log.generation,
      append_log_unsynced: log.unsyncedBytes,
      append_log_last_sync_time: Math.floor(log.lastSyncUnixMs / MS_PER_SECOND),
    }),
    append_log: status.mode,
    append_log_error: log?.reason ?? "",
    snapshot_error: status.snapshotFailure,
  };
}

function statusText(isGood: boolean): string {
  return isGood ? "ok" : "err";
}

function countText({ entries, bytes }: EntryCount): string {
  return `entries=${entries},bytes=${bytes}`;
}

function sectionText(name: string, fields: Fields): string {
  const title = name === "cpu" ? "CPU" : name[0]!.toUpperCase() + name.slice(1);
  return `# ${title}\r\n` + Object.entries(fields).map(([field, value]) => `${field}:${value}\r\n`).join("");
}

/** As Redis writes sizes for people. */
function human(bytes: number): string {
  let size = bytes;
  for (const unit of ["B", "K", "M", "G"]) {
    if (size < BYTES_PER_STEP) return unit === "B" ? `${size}B` : `${size.toFixed(2)}${unit}`;
    size /= BYTES_PER_STEP;
  }
  return `${size.toFixed(2)}T`;
}
