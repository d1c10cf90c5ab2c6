/**
 * The sequences of keys that caches are measured with, made from a fixed seed: the same for every cache and in every
 * run.
 *
 * @module
 */

import { Random } from "../tests/support/random.ts";

/** How many times as many keys as fit a popular-key workload draws from. */
const KEYS_PER_ENTRY = 8;
/** The loop is this much longer than what the roomiest cache holds. */
const LOOP_LENGTH = 1.1;
/** One scan is this part of what the roomiest cache holds. */
const SCAN_LENGTH = 1 / 3;
/** Between two scans there are this many requests for each of its keys. */
const REQUESTS_PER_SCANNED_KEY = 3;
/** Requests of a pass for each entry that fits. */
const REQUESTS_PER_ENTRY = 12;
const SEED = 20_260_301;

/** A sequence of keys. */
export interface Workload {
  readonly name: string;
  /** The keys by number, two passes of the same length; the first is to warm up. */
  readonly keys: Uint32Array;
  /** Whether a policy must do better than the others here, and not only as well. */
  readonly mustExceed: boolean;
}

/**
 * All workloads, one after the other.
 *
 * @param entries how many entries the roomiest cache holds
 */
export function* workloads(entries: number): Generator<Workload> {
  for (const exponent of [0.8, 1.0, 1.2]) {
    yield { name: `Zipf ${exponent.toFixed(1)}`, keys: zipf(entries, exponent), mustExceed: false };
  }
  yield { name: `loop, ${LOOP_LENGTH} × what fits`, keys: loop(entries), mustExceed: false };
  yield { name: "Zipf 1.0 with scans", keys: zipfWithScans(entries), mustExceed: true };
}

function passes(entries: number): Uint32Array {
  return new Uint32Array(2 * entries * REQUESTS_PER_ENTRY);
}

/** The n-th most popular key is drawn in proportion to n^-exponent. */
function zipf(entries: number, exponent: number): Uint32Array {
  const random = new Random(SEED);
  const cumulative = new Float64Array(entries * KEYS_PER_ENTRY);
  let total = 0;
  for (let i = 0; i < cumulative.length; i++) cumulative[i] = total += (i + 1) ** -exponent;
  return passes(entries).map(() => rankOf(random.below(2 ** 32) / 2 ** 32 * total, cumulative));
}

/** The first place whose cumulated weight is above a drawn one. */
function rankOf(drawn: number, cumulative: Float64Array): number {
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cumulative[middle]! > drawn) high = middle;
    else low = middle + 1;
  }
  return low;
}

function loop(entries: number): Uint32Array {
  const length = Math.ceil(entries * LOOP_LENGTH);
  return passes(entries).map((_, i) => i % length);
}

/** Popular keys, and every so often a run of keys that are asked for once and never again. */
function zipfWithScans(entries: number): Uint32Array {
  const popular = zipf(entries, 1);
  const scanLength = Math.floor(entries * SCAN_LENGTH), period = scanLength * (REQUESTS_PER_SCANNED_KEY + 1);
  let next = entries * KEYS_PER_ENTRY;
  return popular.map((key, i) => i % period < period - scanLength ? key : next++);
}
