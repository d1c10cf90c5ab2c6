/**
 * One journal after the other, for tests that follow an engine in two ways.
 *
 * @module
 */

import type { Journal } from "../../lib/storage/journal.ts";

/** The changes themselves, without what is around them. */
export type Changes = Pick<Journal, "put" | "remove" | "expiry" | "clear" | "rename">;

/** Tells each change to both, in this order: what the first refuses the second does not learn. */
export function toBoth(first: Changes, second: Changes): Changes {
  return {
    put(key, value, expiryMs) {
      first.put(key, value, expiryMs);
      second.put(key, value, expiryMs);
    },
    remove(key) {
      first.remove(key);
      second.remove(key);
    },
    expiry(key, expiryMs) {
      first.expiry(key, expiryMs);
      second.expiry(key, expiryMs);
    },
    clear(prefix) {
      first.clear(prefix);
      second.clear(prefix);
    },
    rename(from, to) {
      first.rename(from, to);
      second.rename(from, to);
    },
  };
}
