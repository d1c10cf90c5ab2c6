/**
 * A process with another date than the machine's: libfaketime plays it, the real one is never touched.
 *
 * @module
 */

import type { Around } from "../support/server_process.ts";

const LIBRARIES = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/** Where libfaketime is; `undefined` if it is not installed. */
export async function libfaketime(): Promise<string | undefined> {
  for (const path of LIBRARIES) {
    try {
      await Deno.stat(path);
      return path;
    } catch {
      // Not for this machine.
    }
  }
  return undefined;
}

/** A process whose date is so far from the real one; its other clock is as it is. */
export async function fakeClock(offsetSeconds: number): Promise<Around | undefined> {
  const library = await libfaketime();
  if (library === undefined) return undefined;
  const FAKETIME = `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}`;
  return { environment: { LD_PRELOAD: library, FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC: "1" } };
}
