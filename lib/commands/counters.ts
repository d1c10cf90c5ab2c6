/**
 * The argument forms that take a value for a number.
 *
 * @module
 */

import { binaryText, ByteRange, utf8 } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import { LongDouble } from "./long_double.ts";
import { integerOf } from "./words.ts";

const MIN_I64 = -(2n ** 63n);
/** Stands for all of them. */
const NUMBER = ByteRange.of(utf8("0"));

/** INCR and its relatives. */
export const COUNTER_HANDLERS = {
  INCR({ words }, response, { store }) {
    response.answerInteger(store.increment(words[0]!, 1, 0));
  },

  DECR({ words }, response, { store }) {
    response.answerInteger(store.increment(words[0]!, -1, 0));
  },

  INCRBY({ words }, response, { store }) {
    response.answerInteger(store.increment(words[0]!, integerOf(words[1]!), 0));
  },

  DECRBY({ words }, response, { store }) {
    const amount = integerOf(words[1]!);
    if (amount === MIN_I64) return response.fail("OVERFLOW", "decrement would overflow");
    response.answerInteger(store.increment(words[0]!, -amount, 0));
  },

  INCRBYFLOAT({ words }, response, { store }) {
    const key = words[0]!;
    // Before what stands there is read as a number: where only sealed values stand, none is.
    store.admit(key, NUMBER);
    const sum = LongDouble.add(storedNumber(key, store), numberOf(words[1]!));
    if (sum === undefined) return response.fail("BAD_REQUEST", "increment would produce NaN or Infinity");
    const digits = utf8(sum.toString());
    response.value.point(digits, 0, digits.length);
    store.update(key, response.value);
    response.answerValue();
  },
} satisfies Record<string, Handler>;

function storedNumber(key: ByteRange, store: CommandContext["store"]): LongDouble {
  const value = new ByteRange();
  return store.get(key, value) ? numberOf(value) : LongDouble.ZERO;
}

function numberOf({ bytes, start, length }: ByteRange): LongDouble {
  const number = length > LongDouble.MAX_TEXT_BYTES
    ? undefined
    : LongDouble.parse(binaryText(bytes.subarray(start, start + length)));
  if (number === undefined) throw new CryptomemError("BAD_REQUEST", "value is not a valid float");
  return number;
}
