/**
 * No eviction: at the limit, writes are refused, and everything else goes on. Keeps nothing for an entry.
 *
 * @module
 */

import { UnlistedPolicy } from "./unlisted.ts";

/** Evicts nothing. */
export class NoPolicy extends UnlistedPolicy {
  readonly name = "none";

  protected choose(): number {
    return 0;
  }
}
