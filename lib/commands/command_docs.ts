/**
 * COMMAND: what commands there are, from the table of operations, for clients that read it (which words are keys) and
 * for tools that show it.
 *
 * @module
 */

import { binaryText, type ByteRange, utf8 } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { type Access, fitsArity, type Operation, OPERATIONS } from "../codec/operations.ts";
import { NoArray, Plain, type Reply } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { Handler } from "./command.ts";
import { matchesGlob } from "./glob.ts";
import { keyPlaces } from "./key_words.ts";
import { withSubcommands } from "./subcommands.ts";
import { optionOf, syntaxError } from "./words.ts";

const COMMANDS: readonly Operation[] = OPERATIONS.filter(({ arity }) => arity !== 0);
const BY_NAME: ReadonlyMap<string, Operation> = new Map(
  COMMANDS.map((operation) => [operation.name.toLowerCase(), operation]),
);

/** Redis' flags, as far as the access class says them. */
const FLAGS: Readonly<Record<Access, readonly string[]>> = {
  connection: ["fast"],
  read: ["readonly"],
  write: ["write"],
  admin: ["admin", "noscript"],
  publish: ["pubsub"],
};
/** Redis' access categories, by access class and by group. */
const CATEGORIES: Readonly<Record<string, string>> = {
  read: "@read",
  write: "@write",
  admin: "@admin",
  string: "@string",
  generic: "@keyspace",
  connection: "@connection",
  transactions: "@transaction",
  pubsub: "@pubsub",
};

const withoutWords: Handler = (_request, response) => response.answer(COMMANDS.map(infoOf));
const subcommands: Handler = withSubcommands("COMMAND", {
  count: {
    arity: 2,
    help: ["COUNT", "Return the total number of commands in this server."],
    run: (_request, response) => response.answerInteger(COMMANDS.length),
  },
  list: {
    arity: -2,
    help: ["LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]", "Return a list of all commands."],
    run: list,
  },
  info: {
    arity: -2,
    help: ["INFO [<command-name> ...]", "Return details about multiple commands, or about all."],
    run({ words, wordCount }, response) {
      if (wordCount === 1) return response.answer(COMMANDS.map(infoOf));
      const found = words.slice(1, wordCount).map((word) => BY_NAME.get(optionOf(word)));
      response.answer(found.map((operation) => operation === undefined ? NoArray.VALUE : infoOf(operation)));
    },
  },
  docs: {
    arity: -2,
    help: ["DOCS [<command-name> ...]", "Return documentation details about multiple commands, or about all."],
    run({ words, wordCount }, response) {
      const found = wordCount === 1
        ? COMMANDS
        : words.slice(1, wordCount).map((word) => BY_NAME.get(optionOf(word))).filter((one) => one !== undefined);
      response.answer(new Map(found.map((operation) => [operation.name.toLowerCase(), docsOf(operation)])));
    },
  },
  getkeys: {
    arity: -4,
    help: ["GETKEYS <full-command>", "Return the keys from a full command."],
    run: getKeys,
  },
});

/** COMMAND with all its subcommands; alone, it tells of all commands. */
export const command: Handler = (request, response, context) =>
  (request.wordCount === 0 ? withoutWords : subcommands)(request, response, context);

/** In Redis' order: name, arity, flags, first and last key, step, categories, hints, key specifications, subcommands. */
function infoOf(operation: Operation): Reply {
  const { name, arity, access, keys } = operation;
  const [first, last, step] = keys.length === 0 ? [0, 0, 0] : keys;
  return [
    name.toLowerCase(),
    arity,
    new Set(FLAGS[access].map((flag) => new Plain(flag))),
    first,
    last,
    step,
    new Set(categoriesOf(operation).map((category) => new Plain(category))),
    [],
    [],
    [],
  ];
}

function docsOf({ summary, group }: Operation): Reply {
  return new Map([["summary", summary], ["since", VERSION], ["group", group]]);
}

function categoriesOf({ access, group }: Operation): string[] {
  return [...new Set([access, group])].map((name) => CATEGORIES[name]).filter((category) => category !== undefined);
}

function list({ words, wordCount }: Request, response: Response): void {
  response.answer(listed(words.slice(1, wordCount)).map(({ name }) => name.toLowerCase()));
}

function listed(words: readonly ByteRange[]): readonly Operation[] {
  if (words.length === 0) return COMMANDS;
  if (words.length !== 3 || optionOf(words[0]!) !== "filterby") throw syntaxError();
  const argument = words[2]!.copy();
  switch (optionOf(words[1]!)) {
    case "module":
      return [];
    case "aclcat": {
      const category = `@${binaryText(argument).toLowerCase()}`;
      return COMMANDS.filter((operation) => categoriesOf(operation).includes(category));
    }
    case "pattern":
      return COMMANDS.filter(({ name }) => matchesGlob(argument, utf8(name.toLowerCase())));
  }
  throw syntaxError();
}

function getKeys({ words, wordCount }: Request, response: Response): void {
  const operation = BY_NAME.get(optionOf(words[1]!));
  if (operation === undefined) throw new CryptomemError("BAD_REQUEST", "Invalid command specified");
  const ownWords = words.slice(2, wordCount);
  if (operation.keys.length === 0) throw new CryptomemError("BAD_REQUEST", "The command has no key arguments");
  if (!fitsArity(operation, ownWords.length + 1)) {
    throw new CryptomemError("BAD_REQUEST", "Invalid number of arguments specified for command");
  }
  response.answer(keyPlaces(operation, ownWords.length).map((place) => ownWords[place]!.copy()));
}
