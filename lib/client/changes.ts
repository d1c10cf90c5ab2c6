/**
 * What an increment and an append make of the value that is there.
 *
 * @module
 */

import type { Value } from "../crypto/value.ts";
import { CryptomemError } from "../errors.ts";
import { describe } from "./call.ts";

/**
 * Adds to a number; a missing one counts as 0.
 *
 * @returns a change, which throws CryptomemError `NOT_INTEGER` if the value is no whole number that is exact as a
 * `number`, and `OVERFLOW` if the sum would be none
 */
export function adding(verb: string, key: string, delta: number): (value: Value | undefined) => number {
  return (value = 0) => {
    if (!Number.isSafeInteger(value)) {
      throw new CryptomemError("NOT_INTEGER", `Cannot ${describe(verb, key)}: its value is no whole number`);
    }
    const sum = value as number + delta;
    if (Number.isSafeInteger(sum)) return sum;
    throw new CryptomemError("OVERFLOW", `Cannot ${describe(verb, key)}: the sum would not be exact as a number`);
  };
}

/**
 * Adds at the end of a text, or of bytes; a missing value counts as an empty one.
 *
 * @returns a change, which throws TypeError if the value is not of the tail's kind
 */
export function appending(
  key: string,
  tail: string | Uint8Array,
): (value: Value | undefined) => string | Uint8Array {
  // Taken as it is now, like every value that is stored.
  const end = typeof tail === "string" ? tail : new Uint8Array(tail);
  return (value) => {
    if (value === undefined) return end;
    if (typeof value === "string" && typeof end === "string") return value + end;
    if (value instanceof Uint8Array && end instanceof Uint8Array) {
      const bytes = new Uint8Array(value.length + end.length);
      bytes.set(value);
      bytes.set(end, value.length);
      return bytes;
    }
    const state = `its value is ${kindOf(value)}, and what was to be added is ${kindOf(end)}`;
    throw new TypeError(`Cannot ${describe("append to", key)}: ${state}; append text to text, or bytes to bytes`);
  };
}

function kindOf(value: Value): string {
  if (typeof value === "string") return "text";
  return value instanceof Uint8Array ? "bytes" : "JSON";
}
