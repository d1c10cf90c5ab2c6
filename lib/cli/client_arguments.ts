/**
 * The client's arguments, understood by its tables of commands and options. No error shows a word that may be a secret
 * which stands in the wrong place.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { CommandRow } from "./client_command.ts";
import { CLIENT_COMMANDS } from "./client_commands.ts";
import { CLIENT_OPTIONS, type GivenOptions, type OptionName, type OptionRow } from "./client_options.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** The command line, understood. */
export interface Request {
  readonly command: CommandRow;
  /** As many as the command takes. */
  readonly words: readonly string[];
  readonly options: GivenOptions;
}

const ROWS: readonly OptionRow[] = CLIENT_OPTIONS;
const VALUE_NAMES = ROWS.filter((row) => row.placeholder !== undefined).map((row) => row.name);
const SWITCH_NAMES = ROWS.filter((row) => row.placeholder === undefined).map((row) => row.name);
const SHORT_NAMES = Object.fromEntries(ROWS.flatMap(({ name, short }) => short === undefined ? [] : [[name, short]]));

const SECRET_ADVICE =
  "a key, passphrase or password is never an argument, where others can see it; see --help for where it goes";
/** What people try in order to give a secret. */
const SECRET_NAMES: ReadonlySet<string> = new Set(["key", "pass", "password", "secret", "keys", "token"]);

/**
 * What is asked for.
 *
 * @throws {UsageError} with what is wrong
 */
export function parseRequest(args: readonly string[]): Request | "help" {
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: SWITCH_NAMES,
    // Positional words too: 007 is a key, not the number 7.
    string: [...VALUE_NAMES, "_"],
    alias: SHORT_NAMES,
    unknown: (word, name) => {
      if (name === undefined || word === "-") return true;
      // Without what is behind the =, or behind the letter, which may be a secret.
      const shown = word.startsWith("--") ? word.replace(/=.*/s, "") : word.slice(0, 2);
      throw new UsageError(shown, `Cannot use it: ${unknownOption(name)}`);
    },
  });
  if (parsed.help === true) return "help";
  refuseSwitchValues(args);
  const options = optionsOf(parsed);
  const given = (parsed["_"] as unknown[]).map(String);
  const command = commandOf(given);
  checkTaken(command, options);
  return { command, words: wordsOf(command, given.slice(command.name.split(" ").length)), options };
}

/** The arguments as they can be shown: a value that was typed openly is not repeated, since errors end up in logs. */
export function shownArgs({ command, words }: Request, args: readonly string[]): readonly string[] {
  const value = words[command.words.findIndex((word) => word.includes("VALUE"))];
  return args.map((word) => word === value && word !== "-" ? "VALUE" : word);
}

function unknownOption(name: string): string {
  if (SECRET_NAMES.has(name)) return SECRET_ADVICE;
  if (/^\d/.test(name)) return "there is no such option; put -- before words that begin with -";
  const meant = nearest(name, ROWS.map((row) => row.name));
  return `there is no such option; ${meant === undefined ? "see --help" : `did you mean --${meant}?`}`;
}

/** The parser takes `--passphrase=hunter2` for `--passphrase`, and whoever wrote it would never know. */
function refuseSwitchValues(args: readonly string[]): void {
  const end = args.indexOf("--");
  for (const word of end < 0 ? args : args.slice(0, end)) {
    const name = /^--([^=]+)=/.exec(word)?.[1];
    if (name === undefined || !SWITCH_NAMES.includes(name)) continue;
    throw new UsageError(
      `--${name}`,
      `Cannot use it with a value: ${name === "passphrase" ? SECRET_ADVICE : "see --help"}`,
    );
  }
}

function optionsOf(parsed: Readonly<Record<string, unknown>>): GivenOptions {
  const options: Record<string, string | true> = {};
  for (const name of SWITCH_NAMES) if (parsed[name] === true) options[name] = true;
  for (const name of VALUE_NAMES) {
    const value = parsed[name];
    if (value === undefined) continue;
    if (value === "") throw new UsageError(`--${name}`, "Cannot use it without a value");
    options[name] = String(value);
  }
  return options;
}

function commandOf(given: readonly string[]): CommandRow {
  const names = CLIENT_COMMANDS.map((row) => row.name);
  if (given.length === 0) {
    throw new UsageError("command", `Cannot do nothing: give one of ${names.join(", ")}; see --help`);
  }
  const command = CLIENT_COMMANDS.find(({ name }) => name === given.slice(0, name.split(" ").length).join(" "));
  if (command !== undefined) return command;
  // "keys" alone is nearest to nothing, but begins "keys status".
  const meant = names.find((name) => name.startsWith(`${given[0]} `)) ??
    nearest(given[0]!, names) ?? nearest(given.slice(0, 2).join(" "), names);
  // A word that is near to no command may be anything.
  const [shown, advice] = meant === undefined ? ["command", "see --help"] : [given[0]!, `did you mean ${meant}?`];
  throw new UsageError(shown, `Cannot run it: there is no such command; ${advice}`);
}

function checkTaken(command: CommandRow, options: GivenOptions): void {
  for (const { name, isSpecial } of ROWS) {
    if (isSpecial !== true || options[name as OptionName] === undefined) continue;
    if ((command.options as readonly string[]).includes(name)) continue;
    if (name === "passphrase") throw new UsageError("--passphrase", `Cannot use it: ${SECRET_ADVICE}`);
    const takers = CLIENT_COMMANDS.filter((row) => (row.options as readonly string[]).includes(name));
    const names = takers.map((row) => row.name);
    throw new UsageError(
      `--${name}`,
      `Cannot use it: only ${names.join(", ")} ${names.length > 1 ? "take" : "takes"} it`,
    );
  }
}

/** Holds the words behind a command to what it takes. */
function wordsOf({ name, words }: CommandRow, given: readonly string[]): readonly string[] {
  const needed = words.filter((word) => !word.startsWith("["));
  if (given.length < needed.length) {
    throw new UsageError(
      name,
      `Cannot run it: ${needed[given.length]} is missing; write ${[name, ...words].join(" ")}`,
    );
  }
  if (given.length > words.length) {
    const form = words.length === 0 ? "nothing" : words.join(" ");
    const advice = words.length === 0 ? "" : "; put quotes around a word with spaces";
    throw new UsageError(name, `Cannot run it: it takes ${form} behind it and no more${advice}`);
  }
  return given;
}
