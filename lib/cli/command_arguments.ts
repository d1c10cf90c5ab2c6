/**
 * How the arguments of a command of the server's program are read: options with a value, and words.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** Arguments, taken apart; what was not given is an empty list. */
export interface GivenArguments<Name extends string> {
  readonly words: readonly string[];
  readonly options: Readonly<Record<Name, readonly string[]>>;
}

/**
 * Takes the arguments of a command apart.
 *
 * @param names of the options that it takes
 * @throws {UsageError} for any other option, or one without a value
 */
export function parseArguments<Name extends string>(
  command: string,
  args: readonly string[],
  names: readonly Name[],
): GivenArguments<Name> {
  const parsed: Record<string, unknown> = parseArgs([...args], {
    string: [...names, "_"],
    collect: [...names],
    unknown(arg, name) {
      if (name === undefined) return true;
      const meant = nearest(name, names);
      const advice = meant === undefined
        ? `there are ${names.map((one) => `--${one}`).join(" ")}`
        : `did you mean --${meant}?`;
      throw new UsageError(arg.replace(/=.*$/s, ""), `Unknown option of ${command}: ${advice}`);
    },
  });
  const options = {} as Record<Name, readonly string[]>;
  for (const name of names) {
    const values = parsed[name] as string[];
    if (values.includes("") || args.includes(`--${name}=`)) {
      throw new UsageError(`--${name}`, "Cannot use it without a value");
    }
    options[name] = values;
  }
  return { words: (parsed["_"] as unknown[]).map(String), options };
}

/** Throws a {@linkcode UsageError} for a command that takes options only. */
export function refuseWords(command: string, { words }: Pick<GivenArguments<never>, "words">): void {
  if (words.length > 0) throw new UsageError(command, "Cannot use a word behind it: it takes options only");
}

/**
 * The value of an option that has one.
 *
 * @throws {UsageError} if it was given more than once
 */
export function singleValue<Name extends string>(
  name: Name,
  options: Readonly<Record<Name, readonly string[]>>,
): string | undefined {
  const [value, ...more] = options[name];
  if (more.length > 0) throw new UsageError(`--${name}`, "Cannot use it more than once");
  return value;
}
