/**
 * Times to live as commands are told them: an amount of seconds or milliseconds, from now or as a Unix time.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import type { Integer } from "../integer.ts";
import { integerOf } from "./words.ts";

/** How an amount of time is meant. */
export interface TimeUnit {
  readonly milliseconds: 1 | 1000;
  /** Since 1970, not from now. */
  readonly isDate: boolean;
}

/** From now, in seconds. */
export const SECONDS: TimeUnit = { milliseconds: 1000, isDate: false };
/** From now, in milliseconds. */
export const MILLISECONDS: TimeUnit = { milliseconds: 1, isDate: false };
/** Unix time in seconds. */
export const DATE_SECONDS: TimeUnit = { milliseconds: 1000, isDate: true };
/** Unix time in milliseconds. */
export const DATE_MILLISECONDS: TimeUnit = { milliseconds: 1, isDate: true };

/** Below this, a `number` is exact through all that is done here. */
const EXACT_AMOUNT = 2 ** 40;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/**
 * The time to live that an amount stands for; 0 or negative if it is over.
 *
 * @param unixMs now
 * @returns milliseconds; `undefined` if the point in time is beyond 64 bits
 */
export function timeToLive(amount: Integer, unit: TimeUnit, unixMs: number): number | undefined {
  if (typeof amount === "number" && Math.abs(amount) < EXACT_AMOUNT) {
    return amount * unit.milliseconds - (unit.isDate ? unixMs : 0);
  }
  const milliseconds = BigInt(amount) * BigInt(unit.milliseconds);
  if (milliseconds > MAX_I64 || milliseconds < MIN_I64) return undefined;
  const date = unit.isDate ? milliseconds : milliseconds + BigInt(unixMs);
  return date > MAX_I64 ? undefined : Number(date - BigInt(unixMs));
}

/**
 * The time to live that a word stands for where something is stored with it: an amount of nothing or less is refused. A
 * date in the past is not; then the result is 0 or negative.
 *
 * @param command for the message, in lower case
 */
export function positiveTimeToLive(word: ByteRange, unit: TimeUnit, unixMs: number, command: string): number {
  const amount = integerOf(word);
  const ttlMs = amount > 0 ? timeToLive(amount, unit, unixMs) : undefined;
  if (ttlMs === undefined) throw invalidExpireTime(command);
  return ttlMs;
}

/** What answers an expiry that cannot be. */
export function invalidExpireTime(command: string): CryptomemError {
  return new CryptomemError("BAD_REQUEST", `invalid expire time in '${command}' command`);
}
