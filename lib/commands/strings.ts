/**
 * The argument forms about one value: SET and its relatives, and the reading and changing of its parts.
 *
 * @module
 */

import { type Request, type Response, Status } from "../codec/message.ts";
import { OK } from "../codec/reply.ts";
import type { CommandContext, Handler } from "./command.ts";
import { COUNTER_HANDLERS } from "./counters.ts";
import { SEVERAL_VALUES_HANDLERS } from "./several_values.ts";
import { getexOptions, setOptions } from "./set_options.ts";
import { MILLISECONDS, positiveTimeToLive, SECONDS, type TimeUnit } from "./time_to_live.ts";
import { VALUE_PART_HANDLERS } from "./value_parts.ts";

/** Operations of the group `string` with an argument form. */
export const STRING_HANDLERS = {
  SET: set,

  GET({ words }, response, { store }) {
    if (store.get(words[0]!, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  GETEX: getex,

  GETSET({ words }, response, { store }) {
    if (store.swap(words[0]!, words[1]!, 0, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  GETDEL({ words }, response, { store }) {
    if (store.take(words[0]!, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  SETNX({ words }, response, { store }) {
    response.answerInteger(store.add(words[0]!, words[1]!, 0) ? 1 : 0);
  },

  SETEX(request, response, context) {
    setFor(SECONDS, "setex", request, response, context);
  },

  PSETEX(request, response, context) {
    setFor(MILLISECONDS, "psetex", request, response, context);
  },

  ...COUNTER_HANDLERS,
  ...SEVERAL_VALUES_HANDLERS,
  ...VALUE_PART_HANDLERS,
} satisfies Record<string, Handler>;

function set(request: Request, response: Response, { store, server }: CommandContext): void {
  const key = request.words[0]!, value = request.words[1]!;
  if (request.wordCount === 2) {
    store.set(key, value, 0);
    response.answer(OK);
    return;
  }
  const { condition, returnsPrevious, expiry, time } = setOptions(request);
  const ttlMs = time === undefined ? 0 : positiveTimeToLive(time.word, time.unit, server.unixTime.nowMs(), "set");
  // Before the conditions: what is refused is refused whether or not it would be stored.
  store.admit(key, value);
  const isThere = returnsPrevious ? store.get(key, response.value) : condition !== undefined && store.exists(key);
  const previous = returnsPrevious && isThere ? response.value.copy() : null;
  const isDone = condition === undefined || isThere === (condition === "xx");
  if (isDone) {
    if (expiry === "keepttl") store.update(key, value);
    else if (time !== undefined && ttlMs <= 0) store.delete(key);
    else store.set(key, value, ttlMs);
  }
  if (returnsPrevious) response.answer(previous);
  else if (isDone) response.answer(OK);
  else response.settle(Status.NOT_FOUND);
}

function getex(request: Request, response: Response, { store, server }: CommandContext): void {
  const key = request.words[0]!, value = response.value;
  const { expiry, time } = getexOptions(request);
  // As in Redis, the amount is not looked at where there is no entry.
  if (!store.get(key, value)) return response.settle(Status.NOT_FOUND);
  if (time !== undefined) {
    const ttlMs = positiveTimeToLive(time.word, time.unit, server.unixTime.nowMs(), "getex");
    if (ttlMs > 0) store.getAndTouch(key, ttlMs, value);
    else store.take(key, value);
  } else if (expiry === "persist") store.getAndTouch(key, 0, value);
  response.answerValue();
}

/** SETEX and PSETEX: key, time, value. */
function setFor(
  unit: TimeUnit,
  command: string,
  { words }: Request,
  response: Response,
  { store, server }: CommandContext,
): void {
  store.set(words[0]!, words[2]!, positiveTimeToLive(words[1]!, unit, server.unixTime.nowMs(), command));
  response.answer(OK);
}
