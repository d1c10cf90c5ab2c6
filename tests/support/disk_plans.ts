/**
 * What can go wrong with a disk from its nth call on, as tests go through it call by call.
 *
 * @module
 */

import type { FaultDisk } from "./fault_disk.ts";

/** Lets it go wrong; what it gives back ends that, and counts how often it did. */
export type Plan = (disk: FaultDisk, call: number) => { lift(): void; readonly met: number };

/** All of them, by what they are called. */
export const PLANS: Readonly<Record<string, Plan>> = {
  "EIO once": (disk, call) => disk.fail(call, "EIO"),
  "EIO from there on": (disk, call) => disk.fail(call, "EIO", { onward: true }),
  "ENOSPC from there on": (disk, call) => disk.fail(call, "ENOSPC", { onward: true }),
  "EIO that loses what was not synced": (disk, call) => disk.fail(call, "EIO", { dropsUnsynced: true }),
  "a short write": (disk, call) => disk.shorten(call),
  "short writes from there on": (disk, call) => disk.shorten(call, { onward: true }),
};
