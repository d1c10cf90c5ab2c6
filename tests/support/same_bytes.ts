/**
 * Comparing long byte strings: a failure shows the place where they part, not all of them.
 *
 * @module
 */

import { binaryText } from "../../lib/bytes.ts";

const SHOWN_BYTES = 60;

/** Fails at the first byte that differs. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const length = Math.max(actual.length, expected.length);
  let at = 0;
  while (at < length && actual[at] === expected[at]) at++;
  if (at === length) return;
  throw new Error(
    `${what}: byte ${at} differs (${actual.length} bytes, expected ${expected.length})\n` +
      `  got      ${around(actual, at)}\n  expected ${around(expected, at)}`,
  );
}

function around(bytes: Uint8Array, at: number): string {
  return JSON.stringify(binaryText(bytes.subarray(Math.max(0, at - SHOWN_BYTES), at + SHOWN_BYTES)));
}
