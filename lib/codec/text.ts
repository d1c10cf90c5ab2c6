/**
 * The line dialect (PROTOCOL.md §2): one command a line, one reply line for each. text_words.ts splits lines,
 * text_reply.ts writes replies in the accents minigostore and gocache; here is which commands there are.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { MAX_KEY_BYTES, MAX_LINE_BYTES_BEYOND_VALUE } from "../limits.ts";
import { MAX_TTL_MS } from "./cm.ts";
import type { Agreed, Dialect } from "./dialect.ts";
import { parseInteger } from "../integer.ts";
import { INCOMPLETE, INVALID, type Request, type Response } from "./message.ts";
import { OPCODE, OPERATION, type OperationName } from "./operations.ts";
import { Plain } from "./reply.ts";
import { INVALID_ARGUMENTS, replyBytes, SYNTAX_ERROR, Wording, writeReply } from "./text_reply.ts";
import { isForeign, LineWords, startsWithWord } from "./text_words.ts";

const NEWLINE = 0x0a;
const CR = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;
/** Up to this a loop finds the end of a line sooner than a view and its search. */
const LOOP_SEARCH_BYTES = 128;
const MS_PER_SECOND = 1000;

/** One command: its name, and how the words behind it become a request. */
interface Command {
  readonly name: string;
  /** Fewest and most words behind the name. */
  readonly least: number;
  readonly most: number;
  /** Fills the request; returns how its outcome is worded. */
  readonly read: (request: Request) => Wording;
  /** How many of the words are keys. */
  readonly keys: number;
}

const COMMANDS: readonly Command[] = [
  { name: "GET", least: 1, most: 1, keys: 1, read: typed(OPCODE.GET, Wording.ANY) },
  { name: "SET", least: 2, most: Infinity, keys: 1, read: readSet },
  { name: "DEL", least: 1, most: Infinity, keys: Infinity, read: counting(OPCODE.DELETE, "DEL") },
  { name: "TTL", least: 1, most: 1, keys: 1, read: typed(OPCODE.TTL, Wording.SECONDS) },
  { name: "INCR", least: 1, most: 2, keys: 1, read: adding(OPCODE.INCR) },
  { name: "DECR", least: 1, most: 2, keys: 1, read: adding(OPCODE.DECR) },
  { name: "GETEX", least: 1, most: Infinity, keys: 1, read: withOptions("GETEX", 1, ["PERSIST"]) },
  { name: "EXISTS", least: 1, most: Infinity, keys: Infinity, read: counting(OPCODE.EXISTS, "EXISTS") },
  { name: "DELETE", least: 1, most: 1, keys: 1, read: typed(OPCODE.DELETE, Wording.ANY) },
  { name: "PING", least: 0, most: 1, keys: 0, read: readPing },
  { name: "PASS", least: 1, most: 1, keys: 0, read: argument("PASS", Wording.ANY) },
  { name: "QUIT", least: 0, most: 0, keys: 0, read: argument("QUIT", Wording.ANY) },
  { name: "HELP", least: 0, most: Infinity, keys: 0, read: argument("HELP", Wording.COMMANDS) },
  { name: "ACCENT", least: 1, most: 1, keys: 0, read: argument("ACCENT", Wording.ANY) },
];
/** By the length of their names. */
const COMMANDS_BY_LENGTH: Command[][] = Array.from({ length: 8 }, () => []);
const COMMAND_NAMES = new Plain(COMMANDS.map(({ name }) => name).join(" "));
for (const command of COMMANDS) COMMANDS_BY_LENGTH[command.name.length]!.push(command);

/** One connection's line dialect, the server's side. */
export class TextDialect implements Dialect {
  readonly name = "text";
  readonly #maxValueBytes: number;
  readonly #agreed: Agreed;
  readonly #words = new LineWords();
  /** Bytes of the line begun that are known to hold no end: they are not searched again (no quadratic time). */
  #searchedBytes = 0;
  /** How the outcome of the request decoded last is worded. */
  #wording: Wording = Wording.ANY;

  /**
   * @param maxValueBytes longest value that is accepted
   * @param agreed tells the accent
   */
  constructor(maxValueBytes: number, agreed: Agreed) {
    this.#maxValueBytes = maxValueBytes;
    this.#agreed = agreed;
  }

  decode(bytes: Uint8Array, start: number, end: number, request: Request): number {
    request.opcode = 0;
    request.operation = undefined;
    request.errorCode = undefined;
    request.neededBytes = 0;
    this.#wording = Wording.ANY;

    const newline = this.#findNewline(bytes, start, end);
    const maxLineBytes = MAX_LINE_BYTES_BEYOND_VALUE + this.#maxValueBytes;
    if ((newline === -1 ? end : newline) - start > maxLineBytes) {
      request.refuse("TOO_LARGE", `the line is longer than ${maxLineBytes} bytes`);
      return INVALID;
    }
    if (newline === -1) return INCOMPLETE;
    const lineEnd = newline > start && bytes[newline - 1] === CR ? newline - 1 : newline;
    if (lineEnd > start) {
      if (isForeign(bytes, start, lineEnd)) return INVALID;
      const count = this.#words.split(bytes, start, lineEnd, request);
      if (count > 0) this.#understand(request);
    }
    return newline + 1 - start;
  }

  encodedBytes(response: Response): number {
    if (this.#wording === Wording.COMMANDS && response.errorCode === undefined) response.answer(COMMAND_NAMES);
    return replyBytes(response);
  }

  encode(response: Response, _request: Request, output: Uint8Array, at: number): number {
    return writeReply(response, this.#wording, this.#agreed.accent, output, at);
  }

  /** Nobody subscribes here. */
  encodePush(): undefined {
    return undefined;
  }

  #findNewline(bytes: Uint8Array, start: number, end: number): number {
    const from = start + Math.min(this.#searchedBytes, end - start);
    this.#searchedBytes = 0;
    const loopEnd = Math.min(end, from + LOOP_SEARCH_BYTES);
    for (let at = from; at < loopEnd; at++) if (bytes[at] === NEWLINE) return at;
    const found = loopEnd < end ? bytes.subarray(loopEnd, end).indexOf(NEWLINE) : -1;
    if (found !== -1) return loopEnd + found;
    this.#searchedBytes = end - start;
    return -1;
  }

  #understand(request: Request): void {
    const command = this.#command();
    if (command === undefined) return request.refuse("UNKNOWN_COMMAND", "");
    const { wordCount, words } = request;
    if (wordCount < command.least || wordCount > command.most) {
      return request.refuse("BAD_REQUEST", INVALID_ARGUMENTS);
    }
    for (let i = 0; i < wordCount; i++) {
      const limit = i < command.keys ? MAX_KEY_BYTES : this.#maxValueBytes;
      if (words[i]!.length > limit) {
        const what = i < command.keys ? "key" : "value";
        return request.refuse("TOO_LARGE", `the ${what} has ${words[i]!.length} bytes, the limit is ${limit}`);
      }
    }
    this.#wording = command.read(request);
  }

  #command(): Command | undefined {
    const { bytes, start, length } = this.#words.name;
    const candidates = COMMANDS_BY_LENGTH[length];
    if (candidates === undefined) return undefined;
    for (let i = 0; i < candidates.length; i++) {
      if (startsWithWord(bytes, start, start + length, candidates[i]!.name)) return candidates[i];
    }
    return undefined;
  }
}

/** A command of one key with a typed form. */
function typed(opcode: number, wording: Wording): Command["read"] {
  return (request) => {
    ask(request, opcode);
    return wording;
  };
}

/** A command in its argument form. */
function argument(name: OperationName, wording: Wording): Command["read"] {
  const operation = OPERATION[name];
  return (request) => {
    request.operation = operation;
    return wording;
  };
}

/** A command whose answer is how many of its keys there were; with one key, its typed form. */
function counting(opcode: number, name: OperationName): Command["read"] {
  const one = typed(opcode, Wording.COUNT), several = argument(name, Wording.ANY);
  return (request) => request.wordCount === 1 ? one(request) : several(request);
}

/** INCR and DECR, with or without a number. */
function adding(opcode: number): Command["read"] {
  return (request) => {
    const delta = request.wordCount === 1 ? 1 : parseInteger(request.words[1]!);
    if (delta === undefined) request.refuse("BAD_REQUEST", INVALID_ARGUMENTS);
    else {
      ask(request, opcode);
      request.delta = delta;
    }
    return Wording.ANY;
  };
}

/** Plain, with seconds at its end, or with options. */
function readSet(request: Request): Wording {
  const { wordCount, words } = request;
  const seconds = wordCount === 3 ? secondsOf(request) : 0;
  if (wordCount > 3 || seconds === -1) return readSetOptions(request);
  const ttlMs = seconds * MS_PER_SECOND;
  if (wordCount === 3 && seconds === 0 || ttlMs > MAX_TTL_MS) request.refuse("BAD_REQUEST", INVALID_ARGUMENTS);
  else {
    ask(request, OPCODE.SET);
    const value = words[1]!;
    request.value.point(value.bytes, value.start, value.length);
    request.ttlMs = ttlMs;
  }
  return Wording.ANY;
}

const readSetOptions = withOptions("SET", 2, ["NX", "XX", "GET"]);

/**
 * A command whose words from `first` on are options: EX or PX with a number, once, and the given ones. Which of them go
 * together, and the number, is for the operation to say.
 */
function withOptions(name: OperationName, first: number, options: readonly string[]): Command["read"] {
  const read = argument(name, Wording.OPTIONS);
  return (request) => {
    let expiries = 0;
    for (let i = first; i < request.wordCount; i++) {
      const word = request.words[i]!;
      if (isWord(word, "EX") || isWord(word, "PX")) {
        expiries++;
        i++;
      } else if (!options.some((option) => isWord(word, option))) expiries = Infinity;
    }
    if (expiries <= 1) return read(request);
    request.refuse("BAD_REQUEST", SYNTAX_ERROR);
    return Wording.OPTIONS;
  };
}

function isWord({ bytes, start, length }: ByteRange, word: string): boolean {
  return length === word.length && startsWithWord(bytes, start, start + length, word);
}

/** The third word of SET as seconds; -1 if it is not made of digits. */
function secondsOf(request: Request): number {
  const { bytes, start, length } = request.words[2]!;
  let seconds = length === 0 ? -1 : 0;
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i]!;
    if (byte < ZERO || byte > NINE) return -1;
    seconds = seconds * 10 + byte - ZERO;
  }
  return seconds;
}

function readPing(request: Request): Wording {
  request.opcode = OPCODE.PING;
  const word = request.words[0];
  if (request.wordCount === 0 || word === undefined) request.value.clear();
  else request.value.point(word.bytes, word.start, word.length);
  return Wording.PONG;
}

/** A typed request about the first word. */
function ask(request: Request, opcode: number): void {
  const key = request.words[0]!;
  request.opcode = opcode;
  request.key.point(key.bytes, key.start, key.length);
  request.ttlMs = 0;
}
