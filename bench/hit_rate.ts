/**
 * `deno task bench:hit-rate`: the share of requests that find their entry, at equal memory, by this project's policies
 * and by Redis', and once more with as many entries in each, where only the choice of what goes makes the difference.
 *
 * @module
 */

import { onStopSignal } from "../lib/cli/stop_signal.ts";
import type { PolicyName } from "../lib/storage/eviction/policy.ts";
import { EngineCache } from "./engine_cache.ts";
import { RedisCache, type RedisPolicy } from "./redis_cache.ts";
import { redisVersion } from "./server_process.ts";
import { digits, printTable, say } from "./table.ts";
import { BATCH_REQUESTS, type TestedCache, VALUE_BYTES } from "./tested_cache.ts";
import { type Workload, workloads } from "./workloads.ts";

const MEMORY_BYTES = 16 * 1024 * 1024;
/** What is judged against Redis comes first. */
const POLICIES: readonly PolicyName[] = ["s3-fifo", "lru", "lfu"];
const REDIS_POLICIES: readonly RedisPolicy[] = ["allkeys-lru", "allkeys-lfu"];

/** What one cache has shown under one workload. */
interface Result {
  readonly cache: string;
  /** Hits for each request of the second pass. */
  readonly hitRate: number;
  /** Held at the end. */
  readonly entries: number;
}

async function measure(cache: TestedCache, keys: Uint32Array): Promise<Result> {
  const counted = keys.length / 2;
  await hits(cache, keys.subarray(0, counted));
  const hitRate = await hits(cache, keys.subarray(counted)) / counted;
  return { cache: cache.name, hitRate, entries: await cache.entries() };
}

async function hits(cache: TestedCache, keys: Uint32Array): Promise<number> {
  let found = 0;
  for (let at = 0; at < keys.length; at += BATCH_REQUESTS) {
    found += await cache.request(keys.subarray(at, Math.min(at + BATCH_REQUESTS, keys.length)));
  }
  return found;
}

/** How a cache is started that has this much memory for its entries. */
type Contestant = (memoryBytes: number) => TestedCache | Promise<TestedCache>;

/** Entries in the roomiest of all caches when each has been offered more than could ever fit. */
async function mostEntries(contestants: readonly Contestant[]): Promise<number> {
  const keys = Uint32Array.from({ length: 2 * MEMORY_BYTES / VALUE_BYTES }, (_, i) => i);
  let most = 0;
  for (const start of contestants) {
    await using cache = await start(MEMORY_BYTES);
    most = Math.max(most, (await measure(cache, keys)).entries);
  }
  return most;
}

/** Ours, then Redis' if it is there. */
async function compare({ keys }: Workload, contestants: readonly Contestant[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const start of contestants) {
    await using cache = await start(MEMORY_BYTES);
    results.push(await measure(cache, keys));
  }
  return results;
}

/** Each of ours again, with as much memory less as makes it hold what Redis holds. */
async function compareAtEqualEntries({ keys }: Workload, results: readonly Result[]): Promise<Result[]> {
  const theirs = results.slice(POLICIES.length);
  const ours: Result[] = [];
  for (const [i, policy] of POLICIES.entries()) {
    const cache = new EngineCache(policy, Math.round(MEMORY_BYTES * theirs[0]!.entries / results[i]!.entries));
    ours.push(await measure(cache, keys));
  }
  return [...ours, ...theirs];
}

/** Whether the first is not below any of Redis', and above them where it must be. */
function held(results: readonly Result[], mustExceed: boolean): string {
  const [ours, ...others] = results;
  const theirs = others.slice(POLICIES.length - 1).map(({ hitRate }) => hitRate);
  if (theirs.length === 0) return "";
  const best = Math.max(...theirs);
  return (mustExceed ? ours!.hitRate > best : ours!.hitRate >= best) ? "yes" : "NO";
}

const stop = new AbortController();
using _signals = onStopSignal(() => stop.abort());
const contestants: Contestant[] = POLICIES.map((policy) => (bytes) => new EngineCache(policy, bytes));
if (await redisVersion() === undefined) say("", "No Redis to compare with: apt-get install redis-server");
else {contestants.push(...REDIS_POLICIES.map((policy): Contestant => (bytes) =>
    RedisCache.start(policy, bytes, stop.signal)
  ));}
const hasRedis = contestants.length > POLICIES.length;

const most = await mostEntries(contestants);
const equalMemory: string[][] = [], entries: string[][] = [], equalEntries: string[][] = [];
let head: string[] = [];
for (const workload of workloads(most)) {
  const results = await compare(workload, contestants);
  const rates = (of: readonly Result[]) => of.map(({ hitRate }) => `${(hitRate * 100).toFixed(2)} %`);
  head = results.map(({ cache }) => cache);
  equalMemory.push([workload.name, ...rates(results), held(results, workload.mustExceed)]);
  entries.push([workload.name, ...results.map((result) => digits(result.entries))]);
  if (!hasRedis) continue;
  const equal = await compareAtEqualEntries(workload, results);
  equalEntries.push([workload.name, ...rates(equal)]);
}
const memory = `${MEMORY_BYTES / 2 ** 20} MiB each`;
printTable(`Hit rate, ${memory}; s3-fifo must not be below Redis`, ["Workload", ...head, "held"], equalMemory);
printTable(`Entries held, ${memory}`, ["Workload", ...head], entries);
if (hasRedis) printTable("Hit rate, with as many entries in each as Redis holds", ["Workload", ...head], equalEntries);
