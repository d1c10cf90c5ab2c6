/**
 * One measured figure of the engine, and how to time what is too short for a clock.
 *
 * @module
 */

import { systemClock } from "../lib/clock.ts";

/** One row of the table. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "ns" | "µs" | "ms" | "MB" | "bytes" | "sets" | "entries" | "%";
  /** The figure must not exceed this. */
  readonly atMost?: number;
  /** The figure must reach this. */
  readonly atLeast?: number;
}

/** For figures in MB. */
export const BYTES_PER_MB = 1e6;

const NS_PER_MS = 1e6;

/** Runs something that does this many operations. Returns the time of one. */
export function nsPerOperation(operations: number, run: () => void): number {
  const startMs = systemClock.nowMs();
  run();
  return (systemClock.nowMs() - startMs) * NS_PER_MS / operations;
}

/** The longest time for which this machine keeps a program waiting that does nothing but look at the clock. */
export function emptyLoopMaxMs(durationMs: number): number {
  const firstMs = systemClock.nowMs();
  let longestMs = 0;
  for (let startMs = firstMs; startMs < firstMs + durationMs;) {
    const endMs = systemClock.nowMs();
    longestMs = Math.max(longestMs, endMs - startMs);
    startMs = endMs;
  }
  return longestMs;
}
