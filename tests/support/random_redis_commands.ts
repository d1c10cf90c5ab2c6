/**
 * Random commands on strings and keys as a user of Redis may send them, sensible and senseless ones, on few keys so that
 * they meet. Times to live are so long, or so long over, that nothing expires while a test runs, and no two are alike.
 *
 * @module
 */

import { bytesOfBinaryText } from "../../lib/bytes.ts";
import type { Random } from "./random.ts";

/** One command. */
export type Words = (string | Uint8Array)[];

/** The keys that commands are about. */
export const KEYS = ["a", "b", "c", "key:1", "key:2", "{t}3", ""] as const;

const INTEGERS = [
  ...["0", "1", "-1", "2", "3", "5", "10", "-3", "-10", "100", "1048575", "1048576", "4294967296"],
  ...["-9223372036854775808", "9223372036854775808", "92233720368547758070", "1.0"],
  ...["-9223372036854775", "-9223372036854776"],
  ...["", " 1", "1 ", "+1", "01", "-0", "--1", "1e2", "0x10", "abc"],
];
/**
 * Only where a number is asked for that is no time, as these would be later than an entry can tell (entry.ts), nor may be
 * quoted in an error, which Redis ends at a NUL.
 */
const NUMBERS = [
  ...INTEGERS,
  ...["9007199254740993", "9223372036854775807", "9223372036854775", "9223372036854776", "\0", "1\0"],
];
const FLOATS = [
  ...[
    "0.1",
    "-0.1",
    "10.5",
    "3.0e3",
    "1e-17",
    "1e-18",
    "-1e-30",
    "5.0e3",
    "0x1.8p1",
    "0x",
    "1e",
    "1.",
    ".5",
    ".",
    "-.5",
  ],
  ...["1e17", "1e20", "1.5e300", "1e4900", "1e4932", "2e4932", "-1e4932", "1e-4940", "1e-4950", "1e-4951", "1e-5000"],
  ...[
    "inf",
    "-Infinity",
    "nan",
    "infinit",
    "1,5",
    "00012.50",
    "0e99999999999",
    "1e99999999999",
    "+2.25",
    "0x.8",
    "0X1P-3",
  ],
  ...[
    "123456789012345678901234567890",
    "0.333333333333333333333",
    "18446744073709551617",
    "2.5 ",
    "\t1",
    "1_0",
    "12e+2",
  ],
];
const TEXTS = ["", "x", "hello", "Hello, world", "\xff\x00\r\n", "é", "x".repeat(44), "y".repeat(45), "z".repeat(300)];
const OPTIONS = [
  "NX",
  "XX",
  "GET",
  "KEEPTTL",
  "PERSIST",
  "GT",
  "LT",
  "REPLACE",
  "DB",
  "0",
  "EX",
  "PX",
  "MATCH",
  "COUNT",
];
/** Not those that would be over soon. */
const STRANGE_TIMES = INTEGERS.filter((text) => !["1", "2", "3", "5", "10", "100"].includes(text));
/** Words that may stand in the place of any other, so also of a key or a time. */
export const JUNK: readonly string[] = [...STRANGE_TIMES, ...OPTIONS, "", "x", "hello"];
const PATTERNS = ["*", "?", "key:*", "k[a-z]y:?", "[^a]", "[abc]", "\\a", "[", "[a-", "*1", "", "{t}*", "[z-a]"];
const SECONDS_APART = 10;
/** Also long enough when it is taken for milliseconds. */
const LEAST_SECONDS = 200_000;

/** Makes commands; the same seed makes the same. */
export class RandomRedisCommands {
  readonly #random: Random;
  readonly #startSeconds: number;
  #times = 0;

  /** @param unixMs now, for dates */
  constructor(random: Random, unixMs: number) {
    this.#random = random;
    this.#startSeconds = Math.floor(unixMs / 1000);
  }

  next(): Words {
    const words = this.#sensible();
    if (this.#chance(8)) this.#spoil(words);
    const [name = ""] = words;
    if (typeof name === "string" && this.#chance(4)) words[0] = name.toLowerCase();
    return words.map((word) => typeof word === "string" && /[\x80-\xff]/.test(word) ? bytesOfBinaryText(word) : word);
  }

  #sensible(): Words {
    const key = this.#key(), value = this.#value();
    const name = this.#one([
      ...[
        "SET",
        "SET",
        "SET",
        "SET",
        "SET",
        "GET",
        "GET",
        "GETEX",
        "GETEX",
        "INCR",
        "DECR",
        "GETSET",
        "GETDEL",
        "SETNX",
      ],
      ...["SETEX", "PSETEX", "MGET", "MSET", "MSETNX", "APPEND", "STRLEN", "GETRANGE", "SETRANGE", "SUBSTR", "INCRBY"],
      ...["DECRBY", "INCRBYFLOAT", "INCRBYFLOAT", "TOUCH", "TTL", "EXISTS", "SCAN", "DEL", "UNLINK", "TYPE", "EXPIRE"],
      ...[
        "EXPIRE",
        "PEXPIRE",
        "EXPIREAT",
        "PEXPIREAT",
        "EXPIRETIME",
        "PEXPIRETIME",
        "PTTL",
        "PERSIST",
        "KEYS",
        "RENAME",
      ],
      ...["RENAMENX", "COPY", "COPY", "DBSIZE", "OBJECT", "RANDOMKEY", "FLUSHALL"],
    ]);
    switch (name) {
      case "SET":
        return [name, key, value, ...this.#several(3, () => this.#setOption())];
      case "GETEX":
        return [name, key, ...this.#several(2, () => this.#one([["PERSIST"], this.#expiry()]))];
      case "GETSET":
      case "SETNX":
      case "APPEND":
        return [name, key, value];
      case "SETEX":
        return [name, key, this.#seconds(), value];
      case "PSETEX":
        return [name, key, this.#milliseconds(), value];
      case "MGET":
      case "TOUCH":
      case "EXISTS":
      case "DEL":
      case "UNLINK":
        return [name, key, ...this.#several(3, () => [this.#key()])];
      case "MSET":
      case "MSETNX":
        return [name, key, value, ...this.#several(3, () => [this.#key(), this.#value()])];
      case "GETRANGE":
      case "SUBSTR":
        return [name, key, this.#integer(), this.#integer()];
      case "SETRANGE":
        return [name, key, this.#integer(), value];
      case "INCRBY":
      case "DECRBY":
        return [name, key, this.#integer()];
      case "INCRBYFLOAT":
        return [name, key, this.#chance(2) ? this.#one(FLOATS) : this.#decimal()];
      case "EXPIRE":
        return [name, key, this.#seconds(), ...this.#conditions()];
      case "PEXPIRE":
        return [name, key, this.#milliseconds(), ...this.#conditions()];
      case "EXPIREAT":
        return [name, key, this.#date(), ...this.#conditions()];
      case "PEXPIREAT":
        return [name, key, this.#dateMs(), ...this.#conditions()];
      case "SCAN":
        // All at once: where a cursor stands is each server's own affair.
        return [name, "0", "COUNT", "100000", ...this.#several(2, () => this.#scanOption())];
      case "KEYS":
        return [name, this.#one(PATTERNS)];
      case "RENAME":
      case "RENAMENX":
        return [name, key, this.#key()];
      case "COPY":
        return [name, key, this.#key(), ...this.#several(2, () => this.#one([["REPLACE"], ["DB", "0"], ["DB", "1"]]))];
      case "OBJECT":
        return [name, this.#one(["REFCOUNT", "IDLETIME", "FREQ", "HELP", "refcount", "NOTHING"]), key];
      case "FLUSHALL":
        // Seldom, or all would be about missing keys.
        return this.#chance(8) ? [name, ...this.#several(1, () => [this.#one(["ASYNC", "sync", "x"])])] : ["DBSIZE"];
      case "DBSIZE":
      case "RANDOMKEY":
        return [name];
      default:
        return [name, key];
    }
  }

  /** Breaks a command: a word less, one more, or another one. */
  #spoil(words: Words): void {
    const at = 1 + this.#random.below(words.length);
    if (this.#chance(3)) words.pop();
    else if (this.#chance(2)) words.splice(at, 0, this.#one(JUNK));
    else if (at < words.length) words[at] = this.#one(JUNK);
    // Not a command any more: leave it to those who test that.
    if (words.length === 0) words.push("GET");
  }

  #setOption(): Words {
    return this.#one([["NX"], ["XX"], ["GET"], ["keepttl"], this.#expiry(), this.#expiry(), ["Get"]]);
  }

  #expiry(): Words {
    return this.#one([
      ["EX", this.#seconds()],
      ["px", this.#milliseconds()],
      ["EXAT", this.#date()],
      ["PXAT", this.#dateMs()],
    ]);
  }

  #conditions(): Words {
    return this.#chance(2)
      ? []
      : [this.#one(["NX", "XX", "GT", "LT", "gt"]), ...this.#several(1, () => [this.#one(OPTIONS)])];
  }

  #scanOption(): Words {
    return this.#one([["MATCH", this.#one(PATTERNS)], ["TYPE", this.#one(["string", "String", "list", "x"])], [
      "COUNT",
      this.#one(["0", "-1", "x", "100000", "9223372036854775807"]),
    ]]);
  }

  #seconds(): string {
    return this.#time(this.#nextSeconds());
  }

  #milliseconds(): string {
    return this.#time(this.#nextSeconds() * 1000);
  }

  #date(): string {
    return this.#time(this.#startSeconds + this.#nextSeconds());
  }

  #dateMs(): string {
    return this.#time((this.#startSeconds + this.#nextSeconds()) * 1000 + this.#random.below(1000));
  }

  #time(time: number): string {
    return this.#chance(8) ? this.#one(STRANGE_TIMES) : String(time);
  }

  /** A number that has not been given before, in no order. */
  #nextSeconds(): number {
    return LEAST_SECONDS + SECONDS_APART * (++this.#times * 7_919 % 1_000_003);
  }

  #decimal(): string {
    const digits = () => String(this.#random.below(10 ** this.#random.below(9)));
    return `${this.#one(["", "-"])}${digits()}.${digits()}${this.#chance(6) ? `e${this.#random.below(40) - 20}` : ""}`;
  }

  #integer(): string {
    return this.#chance(2) ? String(this.#random.below(40) - 20) : this.#one(NUMBERS);
  }

  #value(): string {
    if (this.#chance(3)) return this.#one(NUMBERS);
    return this.#chance(4) ? this.#one(FLOATS) : this.#one(TEXTS);
  }

  #key(): string {
    return this.#one(KEYS);
  }

  #several(atMost: number, make: () => Words): Words {
    return Array.from({ length: this.#random.below(atMost + 1) }, make).flat();
  }

  #chance(oneIn: number): boolean {
    return this.#random.below(oneIn) === 0;
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}
