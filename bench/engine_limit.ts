/**
 * The engine at its limit, where nearly every write must make room first.
 *
 * @module
 */

import { systemClock } from "../lib/clock.ts";
import type { PolicyName } from "../lib/storage/eviction/policy.ts";
import { EngineLoad } from "./engine_load.ts";
import { BYTES_PER_MB, type Figure, nsPerOperation } from "./figure.ts";
import { percentile } from "./table.ts";

const LIMIT_BYTES = 64 * 1024 * 1024;
/** Some ten times as many as fit. */
const KEYS = 4_000_000;
const OPERATIONS = 1_000_000;
/** With this limit, a million entries are what fits. */
const MILLION_LIMIT_BYTES = 162_000_000;
const MILLION_KEYS = 1_500_000;

const MIN_LIVE_PERCENT = 85;
const MAX_OVERHEAD_BYTES = 40;

/** Sets and gets of uniformly random keys, all with a ttl, as the `ttl` policy needs them. */
export function atLimit(policy: PolicyName): Figure[] {
  const load = new EngineLoad({ count: KEYS, withTtl: true, maxMemoryBytes: LIMIT_BYTES, policy });
  const repeat = (operation: (key: number) => void) => () => {
    for (let i = 0; i < OPERATIONS; i++) operation(Math.floor(Math.random() * KEYS));
  };
  const set = repeat((key) => load.set(key)), get = repeat((key) => void load.get(key));
  // Fills it, and compiles everything on the way.
  set();
  get();
  const setNs = nsPerOperation(OPERATIONS, set);
  const getNs = nsPerOperation(OPERATIONS, get);
  const setMs = new Float64Array(OPERATIONS).fill(0);
  for (let i = 0; i < OPERATIONS; i++) {
    const key = Math.floor(Math.random() * KEYS);
    const startMs = systemClock.nowMs();
    load.set(key);
    setMs[i] = systemClock.nowMs() - startMs;
  }
  const { segmentBytes, freeBytes, memoryBytes } = load.engine.stats();
  if (memoryBytes > LIMIT_BYTES) throw new Error(`Cannot go on: ${memoryBytes} bytes are more than the limit`);
  return [
    { name: `${policy}: set`, value: setNs, unit: "ns" },
    { name: `${policy}: get, one in ten found`, value: getNs, unit: "ns" },
    {
      name: `${policy}: live share of the segments`,
      value: (1 - freeBytes / segmentBytes) * 100,
      unit: "%",
      atLeast: MIN_LIVE_PERCENT,
    },
    { name: `${policy}: 99.99th percentile of a set`, value: percentile(setMs, 0.9999) * 1e3, unit: "µs" },
    { name: `${policy}: longest set`, value: percentile(setMs, 1), unit: "ms" },
  ];
}

/** What a million entries cost when the default policy has been at work. */
export function millionAtLimit(): Figure[] {
  const load = new EngineLoad({ count: MILLION_KEYS, withTtl: true, maxMemoryBytes: MILLION_LIMIT_BYTES });
  load.insertAll();
  for (let i = 0; i < MILLION_KEYS; i++) load.set(Math.floor(Math.random() * MILLION_KEYS));
  const { entries, keyBytes, valueBytes, overheadBytes, indexBytes, policyBytes, memoryBytes } = load.engine.stats();
  return [
    { name: "entries", value: entries, unit: "entries" },
    {
      name: "overhead of an entry, index and policy included",
      value: (overheadBytes + indexBytes + policyBytes) / entries,
      unit: "bytes",
      atMost: MAX_OVERHEAD_BYTES,
    },
    {
      name: "and with what is free in segments",
      value: (memoryBytes - keyBytes - valueBytes) / entries,
      unit: "bytes",
    },
    { name: "index, of an entry", value: indexBytes / entries, unit: "bytes" },
    { name: "policy, of an entry", value: policyBytes / entries, unit: "bytes" },
    { name: "memory of the engine", value: memoryBytes / BYTES_PER_MB, unit: "MB" },
  ];
}
