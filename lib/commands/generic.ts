/**
 * The argument forms about entries, whatever they hold.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { OK, Plain } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import { EXPIRY_HANDLERS } from "./expiry.ts";
import { KEYSPACE_HANDLERS } from "./keyspace.ts";
import { object } from "./object.ts";
import { areSame, integerOf, optionOf, syntaxError } from "./words.ts";

const STRING: Plain = new Plain("string");
const NONE: Plain = new Plain("none");
const MIN_I32 = -(2 ** 31), MAX_I32 = 2 ** 31 - 1;

/** Operations of the group `generic` with an argument form. */
export const GENERIC_HANDLERS = {
  DEL: remove,
  UNLINK: remove,

  EXISTS({ words, wordCount }, response, { store }) {
    response.answerInteger(countOf(words, wordCount, (key) => store.exists(key)));
  },

  /** To look at an entry is to use it: the eviction policy is told. */
  TOUCH({ words, wordCount }, response, { store }) {
    const value = new ByteRange();
    response.answerInteger(countOf(words, wordCount, (key) => store.get(key, value)));
  },

  TYPE({ words }, response, { store }) {
    response.answer(store.exists(words[0]!) ? STRING : NONE);
  },

  RENAME({ words }, response, { store }) {
    if (!store.rename(words[0]!, words[1]!)) throw noSuchKey();
    response.answer(OK);
  },

  RENAMENX({ words }, response, { store }) {
    const key = words[0]!, newKey = words[1]!, value = response.value;
    if (!store.get(key, value)) throw noSuchKey();
    if (areSame(key, newKey)) return response.answerInteger(0);
    // Before the condition: what is refused is refused whether or not the key is free.
    store.admit(newKey, value);
    const isFree = !store.exists(newKey);
    if (isFree) store.rename(key, newKey);
    response.answerInteger(isFree ? 1 : 0);
  },

  COPY: copy,
  OBJECT: object,

  ...EXPIRY_HANDLERS,
  ...KEYSPACE_HANDLERS,
} satisfies Record<string, Handler>;

function countOf(words: readonly ByteRange[], wordCount: number, counts: (word: ByteRange) => boolean): number {
  let count = 0;
  for (let i = 0; i < wordCount; i++) if (counts(words[i]!)) count++;
  return count;
}

function remove({ words, wordCount }: Request, response: Response, { store }: CommandContext): void {
  const removed = store.atomically(() => countOf(words, wordCount, (key) => store.delete(key)));
  response.answerInteger(removed);
}

function noSuchKey(): CryptomemError {
  return new CryptomemError("BAD_REQUEST", "no such key");
}

/** Stores the value and the expiry of an entry that is there under another key. Returns whether it did. */
function duplicate(key: ByteRange, newKey: ByteRange, mustBeFree: boolean, { store }: CommandContext): boolean {
  const value = new ByteRange();
  store.get(key, value);
  const bytes = ByteRange.of(value.copy());
  const ttlMs = Math.max(0, store.ttlMs(key));
  if (mustBeFree) return store.add(newKey, bytes, ttlMs);
  store.set(newKey, bytes, ttlMs);
  return true;
}

function copy({ words, wordCount }: Request, response: Response, context: CommandContext): void {
  const key = words[0]!, newKey = words[1]!;
  let replaces = false;
  for (let i = 2; i < wordCount; i++) {
    const option = optionOf(words[i]!);
    if (option === "replace") replaces = true;
    else if (option === "db" && i + 1 < wordCount) checkDatabase(words[++i]!);
    else throw syntaxError();
  }
  if (areSame(key, newKey)) return response.fail("BAD_REQUEST", "source and destination objects are the same");
  const isDone = context.store.exists(key) && duplicate(key, newKey, !replaces, context);
  response.answerInteger(isDone ? 1 : 0);
}

/** There is database 0 alone. */
function checkDatabase(word: ByteRange): void {
  const number = integerOf(word);
  if (number < MIN_I32 || number > MAX_I32) {
    throw new CryptomemError(
      "BAD_REQUEST",
      `value is out of range, value must between ${MIN_I32} and ${MAX_I32}`,
    );
  }
  if (number !== 0) throw new CryptomemError("BAD_REQUEST", "DB index is out of range");
}
