/**
 * Expiries on their way to a disk and back: there they are dates, in a store moments on a clock that never jumps.
 * 0 means none on both sides, so no moment may become it by chance.
 *
 * @module
 */

import type { UnixTime } from "../unix_time.ts";
import { MAX_EXPIRY_UNIX_MS } from "./snapshot_layout.ts";

/** The date of an expiry on the store's clock, by the last reading of {@linkcode UnixTime.nowMs}. */
export function expiryDate(expiryMs: number, unixTime: UnixTime): number {
  // What expired before 1970 by a clock set wrong must not come back without an expiry.
  return expiryMs === 0 ? 0 : Math.min(MAX_EXPIRY_UNIX_MS, Math.max(1, unixTime.of(expiryMs)));
}

/** The moment on the store's clock that an expiry's date is. */
export function expiryMoment(expiryUnixMs: number, unixTime: UnixTime): number {
  // Of two neighbours the earlier: an entry may go a millisecond too soon, but not stay for ever.
  return expiryUnixMs === 0 ? 0 : expiryUnixMs - unixTime.of(0) || -1;
}
