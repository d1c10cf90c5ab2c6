/**
 * Settles the configuration from flags, environment, file and defaults, in that order. Whatever cannot be used ends in
 * one {@linkcode UsageError} that names where it stands.
 *
 * Reads nothing by itself: the file and the environment are arguments, so that this can be tested without permissions.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { parseConfigFile } from "./config_file.ts";
import { nearest } from "./nearest.ts";
import { type Configuration, OPTIONS, PROGRAM_OPTIONS, SETTINGS } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The world outside, as far as the configuration reads it. */
export interface Surroundings {
  /** The value of an environment variable, if it is set and may be read. */
  readonly variable: (name: string) => string | undefined;
  /** The text of a file. May throw a UsageError. */
  readonly readFile: (path: string) => Promise<string>;
}

/** The flags of a command line: name → text; a flag without a value has `""`. */
export type Flags = ReadonlyMap<string, string>;

type Value = string | number;

const SWITCHES = OPTIONS.filter((row) => row.placeholder === undefined).map((row) => row.name);
const VALUED = OPTIONS.filter((row) => row.placeholder !== undefined).map((row) => row.name);

/**
 * The flags in the arguments.
 *
 * @throws {UsageError} for a flag that is unknown, given twice or without its value, and for any other argument
 */
export function parseFlags(args: readonly string[]): Flags {
  const unknownFlags: string[] = [];
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: SWITCHES,
    string: VALUED,
    collect: VALUED,
    unknown(arg, name) {
      // A flag's value may be a secret, so it goes no further.
      if (name !== undefined) unknownFlags.push(arg.replace(/=.*$/s, ""));
      return name === undefined;
    },
  });

  const flags = new Map<string, string>();
  for (const name of SWITCHES) if (parsed[name] === true) flags.set(name, "");
  // Whoever asks for help is not told off first.
  if (flags.has("help")) return flags;

  for (const name of VALUED) {
    const values = parsed[name] as string[];
    // `--port=` is a flag without a value to minimist, and an unknown one to its port in @std/cli.
    if (values.includes("") || args.includes(`--${name}=`)) {
      throw new UsageError(`--${name}`, "Cannot use it without a value");
    }
    if (values.length > 1) throw new UsageError(`--${name}`, `Cannot use it ${values.length} times: give it once`);
    if (values[0] !== undefined) flags.set(name, values[0]);
  }
  const [flag] = unknownFlags;
  if (flag !== undefined) {
    throw new UsageError(flag, unknownOption(flag.replace(/^-+/, ""), "--", [...VALUED, ...SWITCHES]));
  }
  const [stray] = parsed["_"] as (string | number)[];
  if (stray !== undefined) {
    // Not shown either: some servers take their password this way.
    const position = args.findIndex((arg) => arg === String(stray) || Number(arg) === stray) + 1;
    throw new UsageError(`argument ${position}`, "Cannot use it: only options are taken, see --help");
  }
  return flags;
}

/**
 * Settles every setting.
 *
 * @throws {UsageError} for a value that cannot be used and for a key in the file that is no setting
 */
export async function settleConfiguration(flags: Flags, { variable, readFile }: Surroundings): Promise<Configuration> {
  const file = await readEntries(flags.get("config") ?? variable(PROGRAM_OPTIONS[0].variable), readFile);
  const configuration: Partial<Record<string, Value>> = {};
  for (const row of SETTINGS) {
    const [source, value] = [
      [`--${row.name}`, flags.get(row.name)],
      [row.variable, variable(row.variable)],
      [`${file.name}: ${row.name}`, file.entries.get(row.name)],
      ["default", row.defaultText],
    ].find(([, value]) => value !== undefined) as [string, unknown];
    configuration[row.property] = parseValue(source, value, row.parse);
  }
  return configuration as Configuration;
}

async function readEntries(path: string | undefined, readFile: Surroundings["readFile"]) {
  if (path === undefined) return { name: "", entries: new Map<string, unknown>() };
  const name = path.replace(/^.*[/\\]/, "");
  const entries = await parseConfigFile(path, await readFile(path));
  const names: string[] = SETTINGS.map((row) => row.name);
  for (const key of entries.keys()) {
    if (!names.includes(key)) throw new UsageError(`${name}: ${key}`, unknownOption(key, "", names));
  }
  return { name, entries };
}

function parseValue(source: string, value: unknown, parse: (value: Value) => Value): Value {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new UsageError(source, `Cannot use ${nameOfType(value)} here: write a text or a number`);
  }
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(source, error.message);
    throw error;
  }
}

function nameOfType(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "boolean" ? String(value) : "a group of values";
}

function unknownOption(name: string, prefix: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return meant === undefined
    ? `Unknown option; there are ${names.map((it) => prefix + it).join(" ")}`
    : `Unknown option: did you mean ${prefix}${meant}?`;
}
