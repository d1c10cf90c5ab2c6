/**
 * What the fuzzer says before it is written in a dialect: commands as lists of words, sensible ones and mutated ones.
 * Mutating words reaches code behind the parsers, where mutated bytes alone would stop at the first check.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { OPERATIONS } from "../../lib/codec/operations.ts";
import type { Random } from "../support/random.ts";

/** A command's name and arguments. */
export type Message = Uint8Array[];

/** K is a key, V a value, N a number, C a channel, P a pattern. */
const TEMPLATES = `
SET K V|SET K V EX N|SET K V PX N NX|SET K V XX GET|SET K V KEEPTTL|SET K V EXAT N|SET K V PXAT N GET|GET K|GETSET K V
GETDEL K|GETEX K EX N|GETEX K PERSIST|GETEX K PXAT N|SETNX K V|SETEX K N V|PSETEX K N V|MGET K K K|MSET K V K V
MSETNX K V K V|APPEND K V|STRLEN K|GETRANGE K N N|SETRANGE K N V|SUBSTR K N N|INCR K|INCR K N|DECR K|INCRBY K N
DECRBY K N|INCRBYFLOAT K N|INCRBYFLOAT K 1.5|DEL K K|UNLINK K|EXISTS K K|TYPE K|EXPIRE K N|EXPIRE K N GT|PEXPIRE K N NX
EXPIREAT K N|PEXPIREAT K N LT|EXPIRETIME K|PEXPIRETIME K|TTL K|PTTL K|PERSIST K|TOUCH K K|KEYS P|SCAN N
SCAN N MATCH P COUNT N|SCAN N TYPE string|RANDOMKEY|RENAME K K|RENAMENX K K|COPY K K REPLACE|DBSIZE|FLUSHDB|FLUSHALL ASYNC
OBJECT ENCODING K|OBJECT IDLETIME K|OBJECT FREQ K|PING|PING V|ECHO V|SELECT 0|SELECT N|AUTH V|AUTH default V|HELLO 2
HELLO 3|HELLO 3 AUTH default V SETNAME V|RESET|CLIENT ID|CLIENT GETNAME|CLIENT SETNAME V|CLIENT SETINFO LIB-NAME V
CLIENT LIST|CLIENT INFO|CLIENT KILL ID N|CLIENT REPLY ON|CLIENT REPLY SKIP|CLIENT NO-EVICT ON|CLIENT TRACKING OFF|INFO
INFO memory|CONFIG GET P|CONFIG SET maxmemory N|CONFIG SET V V|CONFIG RESETSTAT|COMMAND COUNT|COMMAND INFO GET|COMMAND LIST
COMMAND DOCS SET|COMMAND GETKEYS SET K V|TIME|MEMORY USAGE K|SLOWLOG GET N|SLOWLOG LEN|SLOWLOG RESET|LASTSAVE|SAVE|BGSAVE
DEBUG SLEEP 0|DEBUG N|MULTI|EXEC|DISCARD|WATCH K K|UNWATCH|PUBLISH C V|SUBSCRIBE C C|UNSUBSCRIBE|UNSUBSCRIBE C
PSUBSCRIBE P|PUNSUBSCRIBE P|PUBSUB CHANNELS P|PUBSUB NUMSUB C C|PUBSUB NUMPAT|ACCENT gocache|ACCENT minigostore|PASS V
HELP|QUIT|DELETE K|ADD K V|REPLACE K V|SWAP K V|TAKE K|GETV K|CAS K V|CLEAR K|CLEAR|STATS|SET K V N|INC K|DEC K
`.trim().split(/[|\n]/).map((line) => line.split(" "));

/** Boundaries of all the numbers that somebody reads, and what is nearly a number. */
const NUMBERS = (
  "0 1 -1 2 7 10 60 100 127 128 255 256 1000 32767 32768 65535 65536 1048576 1048577 2147483647 2147483648 4294967295 " +
  "4294967296 536870912 536870913 9007199254740991 9007199254740992 9223372036854 9223372036854775 9223372036854775806 " +
  "9223372036854775807 9223372036854775808 18446744073709551615 99999999999999999999 -2147483648 -2147483649 " +
  "-9223372036854775808 -9223372036854775809 -0 +1 01 1.5 1e3 0x10 1e400 -1e-400 nan inf -inf 3.0e1000 .5 5. ''"
).split(" ");
const OPTIONS = (
  "EX PX NX XX GET KEEPTTL EXAT PXAT PERSIST MATCH COUNT TYPE GT LT REPLACE DB ASYNC SYNC ON OFF SKIP ID ADDR LADDR " +
  "SKIPME yes no AUTH SETNAME default string maxmemory maxmemory-policy CHANNELS WITHSCORES"
).split(" ");
const PATTERNS = [
  "*",
  "k*",
  "k?",
  "[a-z]*",
  "[^k]*",
  "\\*",
  "k[",
  "[",
  "\\",
  "**********k",
  "",
  "key:*",
  "[z-a]",
  "[]",
];
const NAMES = [...OPERATIONS.map(({ name }) => name as string), "get", "Set", "NONSENSE", "", "\0", "GET\r\n"];
const WEIRD_KEYS = ["", "__proto__", "constructor", "k\0k", "k\r\nk", " ", '"', "CM", "(nil)", "*1\r\n", "\\x41"];

/** Chooses messages. */
export class Messages {
  readonly #random: Random;
  /** A long text of which values are pieces: cheaper than random bytes and as good. */
  readonly #haystack: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#haystack = random.bytes(80_000);
  }

  /** A message that mostly makes sense. */
  next(): Message {
    const message = this.#pick(TEMPLATES).map((word) => this.#fill(word));
    for (let times = this.#random.below(4) === 0 ? 1 + this.#random.below(3) : 0; times > 0; times--) {
      this.mutate(message);
    }
    return message;
  }

  /** Changes one thing: duplicates, drops, reorders, splices or replaces words. */
  mutate(message: Message): void {
    const at = this.#random.below(message.length + 1);
    switch (this.#random.below(9)) {
      case 0:
        if (at < message.length) message.splice(at, 0, message[at]!);
        break;
      case 1:
        message.splice(at, 1 + this.#random.below(2));
        break;
      case 2:
        if (at + 1 < message.length) [message[at], message[at + 1]] = [message[at + 1]!, message[at]!];
        break;
      case 3:
        message.splice(at, this.#random.below(2), ...this.#pick(TEMPLATES).slice(1).map((word) => this.#fill(word)));
        break;
      case 4:
        message[at] = this.#fill("N");
        break;
      case 5:
        message[at] = this.#fill("V");
        break;
      case 6:
        message[0] = utf8(this.#pick(NAMES));
        break;
      case 7:
        message.splice(at, 0, utf8(this.#pick(OPTIONS)));
        break;
      case 8:
        // Rarely: every frame with many words costs as much as a hundred others.
        if (this.#random.below(50) > 0) break;
        for (let i = this.#random.below(300); i > 0; i--) message.push(this.#fill(this.#pick(["K", "V", "N"])));
    }
  }

  /** Some bytes. */
  bytes(): Uint8Array {
    const random = this.#random;
    const kind = random.below(1_000);
    const length = kind < 600 ? random.below(12) : kind < 990 ? random.below(300) : random.below(70_000);
    const start = random.below(this.#haystack.length - length);
    return this.#haystack.subarray(start, start + length);
  }

  /** A boundary of some number. */
  number(): string {
    return this.#pick(NUMBERS);
  }

  #fill(word: string): Uint8Array {
    switch (word) {
      case "K":
        if (this.#random.below(30) === 0) return utf8(this.#pick(WEIRD_KEYS));
        return utf8(`key:${this.#random.below(200)}`);
      case "V":
        return this.#random.below(4) === 0 ? utf8(this.number()) : this.bytes();
      case "N":
        return utf8(this.#random.below(2) === 0 ? String(this.#random.below(2_000)) : this.number());
      case "C":
        return utf8(`channel:${this.#random.below(5)}`);
      case "P":
        return utf8(this.#pick(PATTERNS));
    }
    return utf8(word);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}
