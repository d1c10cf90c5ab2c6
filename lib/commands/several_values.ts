/**
 * The argument forms about several values at once.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { Request } from "../codec/message.ts";
import { OK } from "../codec/reply.ts";
import type { Store } from "../storage/store.ts";
import type { Handler } from "./command.ts";
import { wrongNumberOfWords } from "./words.ts";

/** MGET, MSET and MSETNX. */
export const SEVERAL_VALUES_HANDLERS = {
  MGET({ words, wordCount }, response, { store }) {
    const value = new ByteRange();
    response.answer(words.slice(0, wordCount).map((key) => store.get(key, value) ? value.copy() : null));
  },

  MSET(request, response, { store }) {
    if (request.wordCount % 2 === 1) throw wrongNumberOfWords("mset");
    admitPairs(request, store);
    storePairs(request, store);
    response.answer(OK);
  },

  MSETNX(request, response, { store }) {
    const { words, wordCount } = request;
    if (wordCount % 2 === 1) throw wrongNumberOfWords("msetnx");
    admitPairs(request, store);
    for (let i = 0; i < wordCount; i += 2) if (store.exists(words[i]!)) return response.answerInteger(0);
    storePairs(request, store);
    response.answerInteger(1);
  },
} satisfies Record<string, Handler>;

/** Throws what one of the pairs would be refused with, room aside. */
function admitPairs({ words, wordCount }: Request, store: Store): void {
  for (let i = 0; i < wordCount; i += 2) store.admit(words[i]!, words[i + 1]!);
}

/** Stores all pairs, which are admitted, or none: whether there is room is asked before the first is stored. */
function storePairs({ words, wordCount }: Request, store: Store): void {
  let bytes = 0;
  for (let i = 0; i < wordCount; i++) bytes += words[i]!.length;
  store.atomically(() => {
    store.reserve(wordCount / 2, bytes);
    for (let i = 0; i < wordCount; i += 2) store.set(words[i]!, words[i + 1]!, 0);
  }, bytes);
}
