/**
 * `deno task fuzz [seconds] [seed]`: fuzzes every dialect for a time, and ends with 1 and what shows it at the first
 * broken rule. With `--frames=N` in place of seconds, for so many frames.
 *
 * @module
 */

import { binaryText } from "../../lib/bytes.ts";
import { Random } from "../support/random.ts";
import { Finding, Fuzzer } from "./fuzzer.ts";

const DEFAULT_SECONDS = 60;
const FRAMES_PER_ROUND = 50_000;
/** Compilers, caches and pools are warm by then. */
const WARM_UP_FRAMES = 2_000_000;
const MAX_DRIFT_BYTES = 10 * 1024 * 1024;
const MIB = 1024 * 1024;

const [limit = String(DEFAULT_SECONDS), seed] = Deno.args;
const maxFrames = limit.startsWith("--frames=") ? Number(limit.slice("--frames=".length)) : Infinity;
const maxMs = maxFrames === Infinity ? 1_000 * Number(limit) : Infinity;
if (!(maxFrames > 0 && maxMs > 0)) throw new RangeError(`Cannot fuzz for ${limit}: it is no number of seconds`);

const random = new Random(seed === undefined ? undefined : Number(seed));
const fuzzer = new Fuzzer(random);
print(`seed ${random.seed}`);
const startMs = performance.now();
let base: Memory | undefined;
let last: Memory | undefined;
try {
  while (fuzzer.sent < maxFrames && performance.now() - startMs < maxMs) {
    await fuzzer.run(Math.min(FRAMES_PER_ROUND, maxFrames - fuzzer.sent));
    if (fuzzer.sent < WARM_UP_FRAMES) continue;
    const memory = settledMemory();
    base ??= memory;
    last = memory;
    if (Math.max(memory.external - base.external, memory.heap - base.heap) > MAX_DRIFT_BYTES) {
      throw new Error(`memory grew: ${told(base, memory)}`);
    }
  }
  report();
  if (base !== undefined) print(`memory after ${WARM_UP_FRAMES} frames, and at the end: ${told(base, last!)}`);
} catch (error) {
  report();
  print(`seed ${random.seed}, frame ${fuzzer.sent}`);
  if (error instanceof Finding) {
    const { dialect, frames, message } = error;
    print(JSON.stringify({ name: message, dialect, frames: frames.map(binaryText) }, undefined, 2));
    print(String((error.cause as Error).stack));
  } else print(String(error instanceof Error ? error.stack : error));
  Deno.exit(1);
}

interface Memory {
  readonly external: number;
  readonly heap: number;
  readonly rss: number;
}

/** Memory without what waits for the garbage collector, where that can be called. */
function settledMemory(): Memory {
  (globalThis as { gc?: () => void }).gc?.();
  const { external, heapUsed: heap, rss } = Deno.memoryUsage();
  return { external, heap, rss };
}

function told(before: Memory, after: Memory): string {
  const mib = (bytes: number) => (bytes / MIB).toFixed(1);
  const one = (name: string, key: keyof Memory) => `${name} ${mib(before[key])} -> ${mib(after[key])} MiB`;
  return [one("off-heap", "external"), one("heap", "heap"), one("resident", "rss")].join(", ");
}

function report(): void {
  const seconds = (performance.now() - startMs) / 1_000;
  const rate = Math.round(fuzzer.sent / seconds);
  print(`${fuzzer.sent} frames, ${fuzzer.requests} requests in ${seconds.toFixed(1)} s: ${rate} frames/s`);
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}
