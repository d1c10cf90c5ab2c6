/**
 * Soonest expiry first, to the resolution of the timing wheel (64 ms for what was set to live up to 16 s, then coarser).
 * An entry without an expiry never goes: when only such are left, writes are refused. Keeps nothing for an entry.
 *
 * @module
 */

import { UnlistedPolicy } from "./unlisted.ts";

/** Evicts what would expire next. */
export class SoonestExpiryPolicy extends UnlistedPolicy {
  readonly name = "ttl";

  protected choose(): number {
    return this.host.wheel.soonest();
  }
}
