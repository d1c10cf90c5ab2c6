/**
 * What STATS tells: the store's counts and the server's.
 *
 * @module
 */

import { keyIdText } from "../crypto/envelope_header.ts";
import type { EntryCount, Store, StoreStats } from "../storage/store.ts";
import { VERSION } from "../version.ts";
import type { DurabilityStatus } from "./durability.ts";
import type { ServerState } from "./server_state.ts";

/** A number that JSON has: a missing limit is `null`. */
type Finite<T> = { [K in keyof T]: T[K] extends number ? number | null : T[K] };

/** {@linkcode SealingStats} with ids as people write them. */
export interface SealingStatistics {
  readonly keys: readonly (EntryCount & { readonly id: string })[];
  readonly otherKeys: EntryCount;
  readonly unsealed: EntryCount;
}

/** The counts of a server and its store. */
export interface Statistics extends Finite<StoreStats>, SealingStatistics {
  readonly version: string;
  readonly uptimeMs: number;
  readonly clients: number;
  readonly connections: number;
  readonly commands: number;
  readonly refusedAttempts: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** How durable the entries are; `null` if they are in memory only. */
  readonly persistence: DurabilityStatus | null;
}

/** Counts at this moment. */
export function statistics(server: ServerState): Statistics {
  const stats = server.store.stats();
  return {
    version: VERSION,
    uptimeMs: Math.round(server.clock.nowMs() - server.startedMs),
    clients: server.clients.size,
    ...server.counts,
    ...stats,
    maxMemoryBytes: stats.maxMemoryBytes === Infinity ? null : stats.maxMemoryBytes,
    ...sealingStatistics(server.store),
    persistence: server.durability?.status() ?? null,
  };
}

/** With which keys a store's values were sealed. */
export function sealingStatistics(store: Store): SealingStatistics {
  const { keys, otherKeys, unsealed } = store.sealing();
  return { keys: keys.map(({ id, entries, bytes }) => ({ id: keyIdText(id), entries, bytes })), otherKeys, unsealed };
}
