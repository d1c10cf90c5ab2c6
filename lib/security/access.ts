/**
 * What a token lets its holder do: classes of operations, and, if it has prefixes, only with keys and channels that begin
 * with one of them. Which class an operation is of and which of its words are keys stands in the table of operations;
 * here is what the table does not say.
 *
 * With prefixes, nothing is allowed that looks at all entries or tells of them: it fails closed for every operation that
 * is not known to keep to the names it is given.
 *
 * @module
 */

import { type ByteRange, utf8 } from "../bytes.ts";
import type { Request } from "../codec/message.ts";
import { type Access, type Operation, type OperationName, OPERATIONS } from "../codec/operations.ts";
import type { Scope } from "../commands/identity.ts";
import { lastKeyWord } from "../commands/key_words.ts";
import { optionOf } from "../commands/words.ts";

/** What a token can be allowed to do. `connection` operations are allowed to everybody. */
export const TOKEN_CLASSES = ["read", "write", "admin", "publish"] as const satisfies readonly Access[];

/** One of {@linkcode TOKEN_CLASSES}. */
export type TokenClass = typeof TOKEN_CLASSES[number];

const BITS: Readonly<Record<Access, number>> = { connection: 0, read: 1, write: 2, admin: 4, publish: 8 };
const ALL_CLASSES = 15;

/** Operations that change an entry and answer with the value that it had: both classes are needed. */
const TELLING: ReadonlySet<OperationName> = new Set(["SWAP", "TAKE", "GETEX", "GETSET", "GETDEL"]);
/** Which classes an operation needs, by its index. */
const NEEDS: readonly number[] = OPERATIONS.map(({ name, access }) =>
  BITS[access] | (TELLING.has(name) ? BITS.read : 0)
);
/** Subcommands that reach beyond one's own connection. */
const ADMINISTERING: ReadonlySet<string> = new Set(["list", "kill"]);

const STAR = 0x2a, QUESTION = 0x3f, OPEN = 0x5b, BACKSLASH = 0x5c;
const EVERYTHING: readonly Uint8Array[] = [];

/** The scope of a token. */
export class TokenScope implements Scope {
  readonly #classes: number;
  /** None = all keys and channels. */
  readonly #prefixes: readonly Uint8Array[];

  constructor(can: readonly TokenClass[], prefixes: readonly string[]) {
    this.#classes = can.reduce((bits, one) => bits | BITS[one], 0);
    this.#prefixes = prefixes.length === 0 ? EVERYTHING : prefixes.map(utf8);
  }

  /** Whether it refuses nothing. */
  get isEverything(): boolean {
    return this.#classes === ALL_CLASSES && this.#prefixes === EVERYTHING;
  }

  refusal(operation: Operation, request: Request): string | undefined {
    const needs = NEEDS[operation.index]! | needsOfWords(operation, request);
    if ((needs & this.#classes) !== needs) return refusedCommand(operation, request);
    // What needs neither reading, writing nor publishing is not about entries or channels.
    if (this.#prefixes === EVERYTHING || (needs & ~BITS.admin) === 0) return undefined;
    switch (keepsTo(operation, request, this.#prefixes)) {
      case true:
        return undefined;
      case undefined:
        return refusedCommand(operation, request);
      default: {
        const what = operation.group === "pubsub" ? "channels" : "keys";
        return `this user has no permissions to access one of the ${what} used as arguments`;
      }
    }
  }

  /** Whether everything that another scope allows is allowed by this one. */
  covers(other: TokenScope): boolean {
    if ((this.#classes & other.#classes) !== other.#classes) return false;
    if (this.#prefixes === EVERYTHING) return true;
    return other.#prefixes !== EVERYTHING &&
      other.#prefixes.every((prefix) => isUnder(prefix, 0, prefix.length, this.#prefixes));
  }
}

/** Classes that a request needs because of its words. */
function needsOfWords({ name }: Operation, { opcode, words, wordCount }: Request): number {
  if (opcode !== 0) return 0;
  if (name === "CLIENT") return ADMINISTERING.has(optionOf(words[0]!)) ? BITS.admin : 0;
  if (name !== "SET") return 0;
  for (let i = 2; i < wordCount; i++) if (optionOf(words[i]!) === "get") return BITS.read;
  return 0;
}

/** Whether a request keeps to names under the prefixes; `undefined` if it is about more than the names it gives. */
function keepsTo(operation: Operation, request: Request, prefixes: readonly Uint8Array[]): boolean | undefined {
  const { name, takes, keys } = operation;
  if (request.opcode !== 0) {
    if (takes.key === false) return undefined;
    const { bytes, start, length } = request.key;
    // The dialect's one pattern is a last star.
    const isPattern = name === "SUBSCRIBE" && bytes[start + length - 1] === STAR;
    return isUnder(bytes, start, isPattern ? length - 1 : length, prefixes);
  }
  const { words, wordCount } = request;
  if (keys.length !== 0) {
    const [first, , step] = keys, last = lastKeyWord(operation, wordCount);
    for (let word = first; word <= last; word += step) if (!isNameUnder(words[word - 1]!, prefixes)) return false;
    return true;
  }
  switch (name) {
    case "PUBLISH":
      return isNameUnder(words[0]!, prefixes);
    case "SUBSCRIBE":
      return every(words, wordCount, (word) => isNameUnder(word, prefixes));
    case "PSUBSCRIBE":
      return every(words, wordCount, (word) => isPatternUnder(word, prefixes));
    case "KEYS":
      return isPatternUnder(words[0]!, prefixes);
    case "SCAN":
      return keepsScanTo(request, prefixes);
    case "TIME":
      return true;
    default:
      return undefined;
  }
}

/** SCAN cursor [MATCH pattern] [COUNT n] [TYPE t]: the last MATCH counts, so all of them must do. */
function keepsScanTo({ words, wordCount }: Request, prefixes: readonly Uint8Array[]): boolean {
  let hasPattern = false;
  for (let i = 1; i + 1 < wordCount; i += 2) {
    if (optionOf(words[i]!) !== "match") continue;
    if (!isPatternUnder(words[i + 1]!, prefixes)) return false;
    hasPattern = true;
  }
  return hasPattern;
}

function every(words: readonly ByteRange[], wordCount: number, holds: (word: ByteRange) => boolean): boolean {
  for (let i = 0; i < wordCount; i++) if (!holds(words[i]!)) return false;
  return true;
}

function isNameUnder({ bytes, start, length }: ByteRange, prefixes: readonly Uint8Array[]): boolean {
  return isUnder(bytes, start, length, prefixes);
}

function isUnder(bytes: Uint8Array, start: number, length: number, prefixes: readonly Uint8Array[]): boolean {
  for (let i = 0; i < prefixes.length; i++) if (startsWith(bytes, start, length, prefixes[i]!)) return true;
  return false;
}

function startsWith(bytes: Uint8Array, start: number, length: number, prefix: Uint8Array): boolean {
  if (length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}

/** Whether all that a glob (commands/glob.ts) matches begins with one of the prefixes. */
function isPatternUnder(pattern: ByteRange, prefixes: readonly Uint8Array[]): boolean {
  return prefixes.some((prefix) => patternStartsWith(pattern, prefix));
}

function patternStartsWith({ bytes, start, length }: ByteRange, prefix: Uint8Array): boolean {
  const end = start + length;
  let at = start;
  for (const byte of prefix) {
    if (at === end || bytes[at] === STAR || bytes[at] === QUESTION || bytes[at] === OPEN) return false;
    // A backslash at the very end means itself.
    if (bytes[at] === BACKSLASH && at + 1 < end) at++;
    if (bytes[at++] !== byte) return false;
  }
  return true;
}

/** In Redis' words, with the subcommand where there are some. */
function refusedCommand({ name }: Operation, { opcode, words, wordCount }: Request): string {
  const subcommand = opcode === 0 && wordCount > 0 && (name === "CLIENT" || name === "CONFIG")
    ? `|${optionOf(words[0]!)}`
    : "";
  return `this user has no permissions to run the '${name.toLowerCase()}${subcommand}' command`;
}
