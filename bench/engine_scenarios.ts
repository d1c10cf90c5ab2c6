/**
 * What is measured of the engine. Each scenario runs alone in a fresh process (bench/engine.ts starts it), warms up
 * until the code is compiled, measures once, and prints its figures as JSON: none sees the inline caches and the
 * garbage of another. A new row is a new figure here, a new group of rows a new scenario.
 *
 * @module
 */

import { systemClock } from "../lib/clock.ts";
import { POLICY_NAMES } from "../lib/storage/eviction/policy.ts";
import { atLimit, millionAtLimit } from "./engine_limit.ts";
import { EngineLoad } from "./engine_load.ts";
import { clearing, massExpiry, snapshot } from "./engine_pauses.ts";
import { journaledInCache, journaledMillion, loading } from "./engine_persistence.ts";
import { BYTES_PER_MB, emptyLoopMaxMs, type Figure, nsPerOperation } from "./figure.ts";
import { percentile } from "./table.ts";

/** Measures, in a fresh process. */
type Scenario = () => Figure[] | Promise<Figure[]>;

/** All entries and the index fit into the second-level cache of a core: some 200 kB. */
const FEW = 1_000;
const MANY = 1_000_000;
const GROWN = 4_000_000;
/** Enough for V8 to compile every function on the way. */
const WARM_UP_ENTRIES = 50_000;
const IN_CACHE_PASSES = 2_000;

const MAX_GET_NS = 60;
const MAX_SET_NS = 120;
const MAX_REFILED_SET_NS = 200;
const MAX_INCREMENT_NS = 90;
const MAX_RANDOM_GET_NS = 600;
const MAX_MILLION_MB = 160;
const MAX_OVERHEAD_BYTES = 40;
const MAX_GROWTH_MS = 2;

/** By the title of its group of rows. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "1,000 entries, in cache": () => inCache({ withTtl: false }),
  "1,000 entries with a ttl, in cache": () => inCache({ withTtl: true }),
  "1,000 counters, in cache": counters,
  "1,000,000 entries": () => million({ withTtl: false }),
  "1,000,000 entries with a ttl": () => million({ withTtl: true }),
  "1,000,000 entries with a ttl, at the limit": millionAtLimit,
  "Growing from empty to 4,000,000 entries": growth,
  ...Object.fromEntries(
    POLICY_NAMES.filter((policy) => policy !== "none").map((policy) => [
      `Policy ${policy} at a limit of 64 MiB`,
      () => atLimit(policy),
    ]),
  ),
  "1,000,000 entries with the same deadline": massExpiry,
  "CLEAR of 1,000,000 entries": clearing,
  "Snapshot of 1,000,000 entries": snapshot,
  "1,000 entries, each change recorded, in cache": journaledInCache,
  "1,000,000 entries with a ttl, each change recorded": journaledMillion,
  "Loading 1,000,000 entries": loading,
};

function inCache({ withTtl }: { withTtl: boolean }): Figure[] {
  const load = new EngineLoad({ count: FEW, withTtl });
  const repeat = (pass: () => void) => () => {
    for (let i = 0; i < IN_CACHE_PASSES; i++) pass();
  };
  load.insertAll();
  const measured = () => ({
    located: nsPerOperation(FEW * IN_CACHE_PASSES, repeat(() => load.getAll())),
    copied: nsPerOperation(FEW * IN_CACHE_PASSES, repeat(() => load.getAndCopyAll())),
    set: nsPerOperation(FEW * IN_CACHE_PASSES, repeat(() => load.setAll())),
  });
  measured();
  const { located, copied, set } = measured();
  const figures: Figure[] = [
    { name: "get: find the value", value: located, unit: "ns", atMost: MAX_GET_NS },
    { name: "get: find and copy the value", value: copied, unit: "ns" },
    {
      name: withTtl ? "set in place, with another expiry" : "set in place",
      value: set,
      unit: "ns",
      atMost: withTtl ? MAX_REFILED_SET_NS : MAX_SET_NS,
    },
  ];
  if (withTtl) {
    figures.push({ name: "reading the clock, once for all requests of a turn", value: clockNs(), unit: "ns" });
  }
  return figures;
}

function counters(): Figure[] {
  const load = new EngineLoad({ count: FEW });
  const repeat = () => {
    for (let i = 0; i < IN_CACHE_PASSES; i++) load.incrementAll();
  };
  repeat();
  const value = nsPerOperation(FEW * IN_CACHE_PASSES, repeat);
  return [{ name: "increment in place", value, unit: "ns", atMost: MAX_INCREMENT_NS }];
}

function million({ withTtl }: { withTtl: boolean }): Figure[] {
  const warmUp = new EngineLoad({ count: WARM_UP_ENTRIES, withTtl });
  warmUp.insertAll();
  for (let i = 0; i < 3; i++) {
    warmUp.getAll();
    warmUp.setAll();
  }
  warmUp.deleteAll();

  const load = new EngineLoad({ count: MANY, withTtl });
  const rssBefore = Deno.memoryUsage().rss;
  const insert = nsPerOperation(MANY, () => load.insertAll());
  const rssBytes = Deno.memoryUsage().rss - rssBefore;
  const { entries, keyBytes, valueBytes, segmentBytes, indexBytes } = load.engine.stats();
  const engineBytes = segmentBytes + indexBytes;
  const get = nsPerOperation(MANY, () => load.getAll());
  load.shuffle();
  const set = nsPerOperation(MANY, () => load.setAll());
  load.shuffle();
  const remove = nsPerOperation(MANY, () => load.deleteAll());
  return [
    { name: "insert, from empty", value: insert, unit: "ns" },
    { name: "random get", value: get, unit: "ns", atMost: MAX_RANDOM_GET_NS },
    { name: withTtl ? "random set in place, with another expiry" : "random set in place", value: set, unit: "ns" },
    { name: "random delete", value: remove, unit: "ns" },
    { name: "memory of the engine", value: engineBytes / BYTES_PER_MB, unit: "MB", atMost: MAX_MILLION_MB },
    {
      name: "overhead of an entry, index included",
      value: (engineBytes - keyBytes - valueBytes) / entries,
      unit: "bytes",
      atMost: MAX_OVERHEAD_BYTES,
    },
    { name: "growth of the process (RSS)", value: rssBytes / BYTES_PER_MB, unit: "MB" },
  ];
}

/** Times every single set, with the process' own garbage collection as it comes. */
function growth(): Figure[] {
  const load = new EngineLoad({ count: GROWN });
  // Filled, so that the first write to a page of it is not timed.
  const setMs = new Float64Array(GROWN).fill(0);
  let startMs = systemClock.nowMs();
  for (let i = 0; i < GROWN; i++) {
    load.set(i);
    const endMs = systemClock.nowMs();
    setMs[i] = endMs - startMs;
    startMs = endMs;
  }
  const over = (limitMs: number) => setMs.reduce((count, ms) => ms > limitMs ? count + 1 : count, 0);
  const totalMs = setMs.reduce((sum, ms) => sum + ms, 0);
  return [
    { name: "longest set", value: percentile(setMs, 1), unit: "ms", atMost: MAX_GROWTH_MS },
    { name: "99.99th percentile", value: percentile(setMs, 0.9999) * 1e3, unit: "µs" },
    { name: "longer than 2 ms", value: over(2), unit: "sets" },
    { name: "longer than 1 ms", value: over(1), unit: "sets" },
    {
      name: "for comparison: longest pause of an empty loop in as much time",
      value: emptyLoopMaxMs(totalMs),
      unit: "ms",
    },
  ];
}

function clockNs(): number {
  return nsPerOperation(MANY, () => {
    for (let i = 0; i < MANY; i++) systemClock.nowMs();
  });
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- standard output is how the figures reach bench/engine.ts
  console.log(JSON.stringify(await SCENARIOS[Deno.args[0]!]!()));
}
