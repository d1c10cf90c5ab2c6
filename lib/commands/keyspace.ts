/**
 * The argument forms about all entries: which keys there are, how many, and to remove them all.
 *
 * @module
 */

import { binaryText, type ByteRange } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { OK } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import type { Store } from "../storage/store.ts";
import type { CommandContext, Handler } from "./command.ts";
import { Glob } from "./glob.ts";
import { integerOf, optionOf, syntaxError } from "./words.ts";

/** Entries that SCAN looks at unless told otherwise. */
const DEFAULT_SCAN_COUNT = 10;
const MAX_U64 = 2n ** 64n - 1n;
/** A cursor of the store has so many bits. */
const CURSOR_BITS = 32;
/** As many digits as anybody pads a cursor with, so that reading one costs nothing. */
const MAX_CURSOR_BYTES = 64;
const NO_PREFIX = new Uint8Array(0);

/** SCAN, KEYS, RANDOMKEY, DBSIZE, FLUSHDB and FLUSHALL. */
export const KEYSPACE_HANDLERS = {
  SCAN: scan,

  KEYS({ words }, response, { store }) {
    response.answer(keysOf(store, new Glob(words[0]!.copy())));
  },

  RANDOMKEY(_request, response, { store }) {
    response.answer(randomKey(store));
  },

  DBSIZE(_request, response, { store, server }) {
    response.answerInteger(server.flushesUnderWay > 0 ? keysOf(store).length : store.stats().entries);
  },

  FLUSHDB: flush,
  FLUSHALL: flush,
} satisfies Record<string, Handler>;

function scan({ words, wordCount }: Request, response: Response, { store }: CommandContext): void {
  const cursor = cursorOf(words[0]!);
  let count = DEFAULT_SCAN_COUNT;
  let pattern: Glob | undefined;
  let hasType = true;
  for (let i = 1; i < wordCount; i += 2) {
    const option = optionOf(words[i]!), argument = words[i + 1];
    if (i + 1 === wordCount || argument === undefined) throw syntaxError();
    if (option === "count") {
      count = Number(integerOf(argument));
      if (count < 1) throw syntaxError();
    } else if (option === "match") pattern = new Glob(argument.copy());
    else if (option === "type") hasType = optionOf(argument) === "string";
    else throw syntaxError();
  }
  const keys: Uint8Array[] = [];
  const next = store.scan(cursor, count, NO_PREFIX, (key) => {
    const bytes = key.copy();
    if (hasType && (pattern === undefined || pattern.matches(bytes))) keys.push(bytes);
  });
  response.answer([String(next), keys]);
}

/**
 * A cursor as C's `strtoul` reads it: a sign and leading zeros are allowed, and nothing counts as 0. Of a number that
 * the store never gave, the bits that its cursors have are taken: it stands somewhere.
 */
function cursorOf(word: ByteRange): number {
  const digits = word.length > MAX_CURSOR_BYTES ? undefined : /^(?:([+-]?)(\d+))?$/.exec(binaryText(word.copy()));
  const number = digits && BigInt(digits[2] ?? 0);
  if (typeof number !== "bigint" || number > MAX_U64) throw new CryptomemError("BAD_REQUEST", "invalid cursor");
  return Number(BigInt.asUintN(CURSOR_BITS, digits![1] === "-" ? -number : number));
}

/** All keys, or those that match a pattern. */
function keysOf(store: Store, pattern?: Glob): Uint8Array[] {
  const keys: Uint8Array[] = [];
  store.scan(0, Infinity, NO_PREFIX, (key) => {
    const bytes = key.copy();
    if (pattern === undefined || pattern.matches(bytes)) keys.push(bytes);
  });
  return keys;
}

/** A key of the first place that has any, from a random one to the end, then from the beginning. */
function randomKey(store: Store): Uint8Array | null {
  const [place, choice] = crypto.getRandomValues(new Uint32Array(2));
  const keys: Uint8Array[] = [];
  for (let cursor of [place!, 0]) {
    do {
      cursor = store.scan(cursor, 1, NO_PREFIX, (key) => keys.push(key.copy()));
      if (keys.length > 0) return keys[choice! % keys.length]!;
    } while (cursor !== 0);
  }
  return null;
}

/** The entries are gone at once; their memory comes back later, whether that is asked for (ASYNC) or not (SYNC). */
function flush({ words, wordCount }: Request, response: Response, { store, server }: CommandContext): void {
  if (wordCount > 1 || wordCount === 1 && !["async", "sync"].includes(optionOf(words[0]!))) throw syntaxError();
  const cleared = store.clear(NO_PREFIX);
  server.flushesUnderWay++;
  const end = () => void server.flushesUnderWay--;
  // Where it is taken back, all that is answered in this turn says so.
  cleared.then(end, end);
  response.answer(OK);
}
