/**
 * The argument forms about expiry: to set it, to tell it, to take it away.
 *
 * @module
 */

import { type ByteRange, textOf } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import {
  DATE_MILLISECONDS,
  DATE_SECONDS,
  invalidExpireTime,
  MILLISECONDS,
  SECONDS,
  timeToLive,
  type TimeUnit,
} from "./time_to_live.ts";
import { integerOf, optionOf } from "./words.ts";

/** EXPIRE, TTL and their relatives. */
export const EXPIRY_HANDLERS = {
  EXPIRE: expire(SECONDS, "expire"),
  PEXPIRE: expire(MILLISECONDS, "pexpire"),
  EXPIREAT: expire(DATE_SECONDS, "expireat"),
  PEXPIREAT: expire(DATE_MILLISECONDS, "pexpireat"),
  TTL: tell(SECONDS),
  PTTL: tell(MILLISECONDS),
  EXPIRETIME: tell(DATE_SECONDS),
  PEXPIRETIME: tell(DATE_MILLISECONDS),

  PERSIST({ words }, response, { store }) {
    const key = words[0]!;
    const hasExpiry = store.ttlMs(key) > 0;
    if (hasExpiry) store.touch(key, 0);
    response.answerInteger(hasExpiry ? 1 : 0);
  },
} satisfies Record<string, Handler>;

/** Whether an expiry replaces the one that is there: milliseconds left, -1 for none. */
type Condition = (newTtlMs: number, presentTtlMs: number) => boolean;

const CONDITIONS: Readonly<Record<string, Condition>> = {
  nx: (_, present) => present === -1,
  xx: (_, present) => present !== -1,
  // No expiry counts as the latest of all.
  gt: (ttlMs, present) => present !== -1 && ttlMs > present,
  lt: (ttlMs, present) => present === -1 || ttlMs < present,
};

function expire(unit: TimeUnit, command: string): Handler {
  return ({ words, wordCount }: Request, response: Response, { store, server }: CommandContext) => {
    const conditions = wordCount > 2 ? conditionsOf(words, wordCount) : [];
    const ttlMs = timeToLive(integerOf(words[1]!), unit, server.unixTime.nowMs());
    if (ttlMs === undefined) throw invalidExpireTime(command);
    const key = words[0]!;
    const presentTtlMs = store.ttlMs(key);
    const isDone = presentTtlMs !== -2 && conditions.every((fits) => fits(ttlMs, presentTtlMs));
    if (isDone) {
      if (ttlMs > 0) store.touch(key, ttlMs);
      else store.delete(key);
    }
    response.answerInteger(isDone ? 1 : 0);
  };
}

function conditionsOf(words: readonly ByteRange[], wordCount: number): Condition[] {
  const options = new Set<string>();
  for (let i = 2; i < wordCount; i++) {
    const option = optionOf(words[i]!);
    if (!Object.hasOwn(CONDITIONS, option)) {
      throw new CryptomemError("BAD_REQUEST", `Unsupported option ${textOf(words[i]!.copy())}`);
    }
    options.add(option);
  }
  if (options.has("nx") && options.size > 1) {
    throw new CryptomemError("BAD_REQUEST", "NX and XX, GT or LT options at the same time are not compatible");
  }
  if (options.has("gt") && options.has("lt")) {
    throw new CryptomemError("BAD_REQUEST", "GT and LT options at the same time are not compatible");
  }
  return [...options].map((option) => CONDITIONS[option]!);
}

/** Tells an expiry in a unit, seconds rounded to the nearest; -1 without one, -2 if there is no entry. */
function tell(unit: TimeUnit): Handler {
  return ({ words }: Request, response: Response, { store, server }: CommandContext) => {
    const ttlMs = store.ttlMs(words[0]!);
    if (ttlMs < 0) return response.answerInteger(ttlMs);
    const timeMs = unit.isDate ? server.unixTime.nowMs() + ttlMs : ttlMs;
    response.answerInteger(Math.round(timeMs / unit.milliseconds));
  };
}
