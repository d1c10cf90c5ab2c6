/**
 * Whole numbers of 64 bits, and the decimal digits in which they are stored and sent, so that every dialect agrees on
 * them. Numbers that are exact as a `number` never become a string or a `bigint`.
 *
 * @module
 */

import { type ByteRange, utf8 } from "./bytes.ts";

/** A whole number of 64 bits; a `bigint` only where it is too large to be exact as a `number`. */
export type Integer = number | bigint;

const MINUS = 0x2d;
const ZERO = 0x30;
/** Every number of so many digits is exact as a `number`. */
const EXACT_DIGITS = 15;
/** "-9223372036854775808". */
export const MAX_INTEGER_BYTES = 20;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/**
 * The number that digits stand for; `undefined` if they are none, written in any other way than this project writes
 * them (a plus, a leading zero, a space, -0), or beyond 64 bits.
 */
export function parseInteger({ bytes, start, length }: ByteRange): Integer | undefined {
  const isNegative = length > 0 && bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start, end = start + length, digits = end - first;
  if (digits < 1 || length > MAX_INTEGER_BYTES) return undefined;
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

/**
 * Writes a number's digits at `at`, where there is room for {@linkcode MAX_INTEGER_BYTES}.
 *
 * @returns the position behind them
 */
export function writeInteger(value: Integer, output: Uint8Array, at: number): number {
  if (typeof value === "bigint") {
    const digits = utf8(String(value));
    output.set(digits, at);
    return at + digits.length;
  }
  let rest = value;
  if (value < 0) {
    output[at++] = MINUS;
    rest = -value;
  }
  let end = at + 1;
  for (let power = 10; power <= rest; power *= 10) end++;
  let digit = end - 1;
  for (; rest > MAX_INT32; digit--) {
    const tens = Math.floor(rest / 10);
    output[digit] = ZERO + (rest - tens * 10);
    rest = tens;
  }
  // Most counters fit 32 bits, and dividing those is several times faster.
  for (let small = rest | 0; digit >= at; digit--) {
    const tens = small / 10 | 0;
    output[digit] = ZERO + small - tens * 10;
    small = tens;
  }
  return end;
}

/** A `number` where it is exact; `undefined` beyond 64 bits. */
function narrow(value: bigint): Integer | undefined {
  if (value > MAX_I64 || value < MIN_I64) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
