/**
 * OBJECT: how a value is kept, in the terms of Redis, for tools that ask.
 *
 * Values are bytes here whatever they look like, so ENCODING tells what Redis would make of a value that is set as it is.
 * When an entry was last used is not kept: IDLETIME tells 0. How often it was used belongs to the policy: FREQ does not tell.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import { Plain, type Reply } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { parseInteger } from "../integer.ts";
import type { CommandContext } from "./command.ts";
import { optionOf, unknownSubcommand, wrongNumberOfWords } from "./words.ts";

/** Longest value that Redis keeps in one piece with its header. */
const MAX_EMBEDDED_BYTES = 44;
const OTHER_POLICY =
  "Please note that when switching between policies at runtime LRU and LFU data will take some time " +
  "to adjust.";

const HELP = `OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
ENCODING <key>
    Return the kind of internal representation used in order to store the value
    associated with a <key>.
FREQ <key>
    Return the access frequency index of the <key>. The returned integer is
    proportional to the logarithm of the recent access frequency of the key.
IDLETIME <key>
    Return the idle time of the <key>, that is the approximated number of
    seconds elapsed since the last access to the key.
REFCOUNT <key>
    Return the number of references of the value associated with the specified
    <key>.
HELP
    Prints this help.`.split("\n").map((line) => new Plain(line));

/** What is told of an entry that is there. */
type Teller = (value: ByteRange, policy: string) => Reply;

const TELLERS: Readonly<Record<string, Teller>> = {
  encoding(value) {
    if (parseInteger(value) !== undefined) return "int";
    return value.length <= MAX_EMBEDDED_BYTES ? "embstr" : "raw";
  },

  refcount: () => 1,

  idletime(_value, policy) {
    if (policy === "lfu") {
      throw new CryptomemError(
        "BAD_REQUEST",
        `An LFU maxmemory policy is selected, idle time not tracked. ${OTHER_POLICY}`,
      );
    }
    return 0;
  },

  freq(_value, policy) {
    if (policy === "lfu") throw new CryptomemError("BAD_REQUEST", "access frequency is not told");
    throw new CryptomemError(
      "BAD_REQUEST",
      `An LFU maxmemory policy is not selected, access frequency not tracked. ${OTHER_POLICY}`,
    );
  },
};

/** OBJECT ENCODING, FREQ, IDLETIME, REFCOUNT and HELP. */
export function object({ words, wordCount }: Request, response: Response, { store }: CommandContext): void {
  const subcommand = optionOf(words[0]!);
  if (subcommand === "help") {
    if (wordCount > 1) throw wrongNumberOfWords("object|help");
    return response.answer(HELP);
  }
  if (!Object.hasOwn(TELLERS, subcommand)) throw unknownSubcommand("OBJECT", words[0]!);
  if (wordCount !== 2) throw wrongNumberOfWords(`object|${subcommand}`);
  if (!store.get(words[1]!, response.value)) return response.settle(Status.NOT_FOUND);
  response.answer(TELLERS[subcommand]!(response.value, store.stats().policy));
}
