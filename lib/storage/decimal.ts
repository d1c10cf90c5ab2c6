/**
 * Whole numbers of 64 bits as the decimal digits in which they are stored, so that every dialect agrees on them.
 * Numbers that are exact as a `number` never become a string or a `bigint`.
 *
 * @module
 */

import { type ByteRange, utf8 } from "../bytes.ts";
import type { Integer } from "../integer.ts";

const MINUS = 0x2d;
const ZERO = 0x30;
/** Every number of so many digits is exact as a `number`. */
const EXACT_DIGITS = 15;
/** "-9223372036854775808". */
export const MAX_DECIMAL_BYTES = 20;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/**
 * The number that digits stand for; `undefined` if they are none, written in any other way than this project writes
 * them (a plus, a leading zero, a space, -0), or beyond 64 bits.
 */
export function parseDecimal({ bytes, start, length }: ByteRange): Integer | undefined {
  const isNegative = length > 0 && bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start, end = start + length, digits = end - first;
  if (digits < 1 || length > MAX_DECIMAL_BYTES) return undefined;
  if (bytes[first] === ZERO && (digits > 1 || isNegative)) return undefined;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  if (digits <= EXACT_DIGITS) return isNegative ? -value : value;
  let exact = 0n;
  for (let at = first; at < end; at++) exact = exact * 10n + BigInt(bytes[at]! - ZERO);
  return narrow(isNegative ? -exact : exact);
}

/** The sum, or `undefined` if it is beyond 64 bits. */
export function addIntegers(a: Integer, b: Integer): Integer | undefined {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a + b)) return a + b;
  return narrow(BigInt(a) + BigInt(b));
}

/** Writes a number's digits at the front of an array of at least 20 bytes and returns how many there are. */
export function writeDecimal(value: Integer, target: Uint8Array): number {
  if (typeof value === "bigint") {
    const text = utf8(String(value));
    target.set(text);
    return text.length;
  }
  const first = value < 0 ? 1 : 0;
  let rest = Math.abs(value);
  let length = first + 1;
  for (let power = 10; power <= rest; power *= 10) length++;
  let at = length - 1;
  for (; rest > MAX_INT32; at--) {
    const tens = Math.floor(rest / 10);
    target[at] = ZERO + (rest - tens * 10);
    rest = tens;
  }
  // Most counters fit 32 bits, and dividing those is several times faster.
  for (let small = rest | 0; at >= first; at--) {
    const tens = small / 10 | 0;
    target[at] = ZERO + small - tens * 10;
    small = tens;
  }
  if (value < 0) target[0] = MINUS;
  return length;
}

/** A `number` where it is exact; `undefined` beyond 64 bits. */
function narrow(value: bigint): Integer | undefined {
  if (value > MAX_I64 || value < MIN_I64) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
