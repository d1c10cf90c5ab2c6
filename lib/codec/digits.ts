/**
 * Whole numbers as decimal digits inside a message, for the dialects that write them so.
 *
 * @module
 */

import { binaryText, type ByteRange, utf8 } from "../bytes.ts";
import type { Integer } from "../integer.ts";

/** "-9223372036854775808". */
export const MAX_INTEGER_BYTES = 20;

const MINUS = 0x2d;
const ZERO = 0x30;
const MAX_INT32 = 2 ** 31 - 1;
const INTEGER = /^(0|-?[1-9][0-9]*)$/;

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

/** The number that digits stand for; `undefined` if they have a plus, a leading zero, a space, or go beyond 64 bits. */
export function parseInteger(digits: ByteRange): Integer | undefined {
  if (digits.length > MAX_INTEGER_BYTES) return undefined;
  const text = binaryText(digits.copy());
  if (!INTEGER.test(text)) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(text);
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
}
