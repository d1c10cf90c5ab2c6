/**
 * The argument forms about parts of a value and its length.
 *
 * @module
 */

import type { Request, Response } from "../codec/message.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import { integerOf } from "./words.ts";

/** APPEND, STRLEN, GETRANGE, SETRANGE and SUBSTR. */
export const VALUE_PART_HANDLERS = {
  APPEND({ words }, response, { store, server }) {
    const key = words[0]!, tail = words[1]!;
    const length = store.get(key, response.value) ? response.value.length : 0;
    checkLength(length + tail.length, server.maxValueBytes);
    response.answerInteger(store.append(key, tail));
  },

  STRLEN({ words }, response, { store }) {
    response.answerInteger(store.get(words[0]!, response.value) ? response.value.length : 0);
  },

  GETRANGE: getRange,
  SUBSTR: getRange,

  SETRANGE({ words }, response, { store, server }) {
    const key = words[0]!, offset = Number(integerOf(words[1]!)), part = words[2]!;
    if (offset < 0) return response.fail("BAD_REQUEST", "offset is out of range");
    // Nothing to write makes no entry, nor zeros.
    if (part.length === 0) {
      return response.answerInteger(store.get(key, response.value) ? response.value.length : 0);
    }
    checkLength(offset + part.length, server.maxValueBytes);
    response.answerInteger(store.setRange(key, offset, part));
  },
} satisfies Record<string, Handler>;

/** From the first to the last position, both included; negative ones count from the end. */
function getRange({ words }: Request, response: Response, { store }: CommandContext): void {
  const from = integerOf(words[1]!), to = integerOf(words[2]!);
  const { value } = response;
  response.answerValue();
  // Before the two lose what makes them differ: outside a value, a number is exact enough.
  if (!store.get(words[0]!, value) || from < 0 && to < 0 && from > to) return value.clear();
  const first = Number(from), last = Number(to);
  const start = Math.max(0, first < 0 ? value.length + first : first);
  const end = Math.min(value.length - 1, Math.max(0, last < 0 ? value.length + last : last));
  if (start > end) value.clear();
  else value.point(value.bytes, value.start + start, end - start + 1);
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) {
    throw new CryptomemError("TOO_LARGE", "string exceeds maximum allowed size (proto-max-bulk-len)");
  }
}
