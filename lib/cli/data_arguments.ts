/**
 * The commands of the server's program that look at a data directory instead of serving it, and how they are written.
 * What they do is in data_commands.ts.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";

/** What the help says about a command. */
export interface DataCommandRow {
  readonly name: string;
  /** What stands behind the name; in brackets what can be left out. */
  readonly words: string;
  readonly summary: string;
}

/** All of them. */
export const DATA_COMMANDS = [
  {
    name: "check",
    words: "DIR [--repair]",
    summary: "Read every file of DIR and say what is wrong; with --repair, mend it",
  },
  { name: "export", words: "DIR [FILE]", summary: "Write the entries of DIR as lines of JSON" },
  { name: "import", words: "DIR [FILE]", summary: "Fill an empty DIR from such lines" },
] as const satisfies readonly DataCommandRow[];

/** Name of a command. */
export type DataCommandName = typeof DATA_COMMANDS[number]["name"];

/** A command, taken apart. */
export interface DataCall {
  readonly name: DataCommandName;
  /** The data directory. */
  readonly directory: string;
  /** Where lines go to or come from; `undefined` for standard output and input. */
  readonly file: string | undefined;
  readonly isRepair: boolean;
}

/** Whether the first argument of the program is the name of such a command. */
export function isDataCommand(word: string | undefined): word is DataCommandName {
  return DATA_COMMANDS.some(({ name }) => name === word);
}

/**
 * Takes the arguments behind the name apart.
 *
 * @throws {UsageError} for whatever the command does not take
 */
export function parseDataArguments(name: DataCommandName, args: readonly string[]): DataCall {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const options = args.slice(0, end).filter((word) => /^-./.test(word));
  const words = [...args.slice(0, end).filter((word) => !/^-./.test(word)), ...args.slice(end + 1)];
  const stranger = options.find((option) => option !== "--repair" || name !== "check");
  const most = name === "check" ? 1 : 2;
  if (stranger !== undefined) throw misuse(name, `there is no option ${stranger}`);
  if (words[0] === undefined || words[0] === "") throw misuse(name, "a folder must be named");
  if (words.length > most) throw misuse(name, `${words.length - most} words too many`);
  return { name, directory: words[0], file: words[1] === "-" ? undefined : words[1], isRepair: options.length > 0 };
}

function misuse(name: DataCommandName, problem: string): UsageError {
  const { words } = DATA_COMMANDS.find((row) => row.name === name)!;
  return new UsageError(name, `Cannot use it so: ${problem}; it is server.ts ${name} ${words}`);
}
