/**
 * What has happened since the start or since somebody reset it (CONFIG RESETSTAT). The counts themselves go on: STATS
 * and others read them too.
 *
 * @module
 */

import type { ServerState } from "./server_state.ts";

/** Counts that INFO tells and CONFIG RESETSTAT sets to zero. */
export interface Totals {
  readonly connections: number;
  readonly commands: number;
  readonly rejected: number;
  readonly refusedAttempts: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
  readonly evicted: number;
}

/** What the counts were at the last reset. */
const baselines = new WeakMap<ServerState, Totals>();

/** Counts since the last reset. */
export function totals(server: ServerState): Totals {
  const now = counted(server), before = baselines.get(server);
  if (before === undefined) return now;
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => [name, count - before[name as keyof Totals]]),
  ) as unknown as Totals;
}

/** Lets {@linkcode totals} begin at zero again. */
export function resetTotals(server: ServerState): void {
  baselines.set(server, counted(server));
}

function counted({ store, counts }: ServerState): Totals {
  const { hits, misses, expired, evicted } = store.stats();
  return { ...counts, hits, misses, expired, evicted };
}
