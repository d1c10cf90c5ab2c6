/**
 * Commands that are several under one name, such as CLIENT: their first word chooses one, and HELP tells of all.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { textOf } from "../bytes.ts";
import { Plain } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import type { Handler } from "./command.ts";
import { optionOf, unknownSubcommand, wrongNumberOfWords } from "./words.ts";

/** One of them. */
export interface Subcommand {
  /** Words with both names; negative = at least, as in operations.ts. */
  readonly arity: number;
  /** How it is written, without the command's name, and a line or more on what it does. */
  readonly help: readonly [usage: string, ...lines: string[]];
  /** Its first word is the subcommand's name. */
  readonly run: Handler;
}

/** The handler of a command with subcommands, which are given by their names in lower case. */
export function withSubcommands(command: string, subcommands: Readonly<Record<string, Subcommand>>): Handler {
  const help = helpOf(command, Object.values(subcommands));
  return (request, response, context) => {
    const { words, wordCount } = request;
    const name = optionOf(words[0]!);
    if (name === "help" && wordCount === 1) return response.answer(help);
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name]! : undefined;
    if (subcommand === undefined) throw unknownSubcommand(command, words[0]!);
    const { arity, run } = subcommand;
    const given = wordCount + 1;
    if (arity > 0 ? given !== arity : given < -arity) throw wrongNumberOfWords(`${command.toLowerCase()}|${name}`);
    return run(request, response, context);
  };
}

/** What answers a subcommand whose number of words is wrong in a way that its arity does not tell. */
export function subcommandSyntaxError(command: string, word: ByteRange): CryptomemError {
  const quoted = textOf(word.copy());
  return new CryptomemError(
    "BAD_REQUEST",
    `unknown subcommand or wrong number of arguments for '${quoted}'. Try ${command} HELP.`,
  );
}

function helpOf(command: string, subcommands: readonly Subcommand[]): readonly Plain[] {
  return [
    `${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...subcommands.flatMap(({ help: [usage, ...lines] }) => [usage, ...lines.map((line) => `    ${line}`)]),
    "HELP",
    "    Prints this help.",
  ].map((line) => new Plain(line));
}
