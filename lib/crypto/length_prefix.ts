/**
 * lp(x) = u32 length of x, big-endian ‖ x: how parts of any length are strung together to be authenticated or derived
 * from. With its length before each part, two different lists of parts never give the same bytes.
 *
 * @module
 */

import { copyBytes } from "../bytes.ts";

/** Bytes of the length before a part. */
export const LENGTH_PREFIX_BYTES = 4;

/**
 * Writes lp(part).
 *
 * @returns where the next part starts
 */
export function writePrefixed(part: Uint8Array, target: Uint8Array, at: number): number {
  const length = part.length;
  target[at] = length >>> 24;
  target[at + 1] = length >>> 16;
  target[at + 2] = length >>> 8;
  target[at + 3] = length;
  copyBytes(part, 0, target, at + LENGTH_PREFIX_BYTES, length);
  return at + LENGTH_PREFIX_BYTES + length;
}
