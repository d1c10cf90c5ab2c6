/**
 * Settles the configuration from flags, environment, file and defaults, in that order. Whatever cannot be used ends in
 * one {@linkcode UsageError} that names where it stands.
 *
 * Reads nothing by itself: the file and the environment are arguments, so that this can be tested without permissions.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { SealingRule } from "../storage/sealing_rule.ts";
import { parseConfigFile } from "./config_file.ts";
import { nearest } from "./nearest.ts";
import { isSet, type ListRow, type SettingRow, type SettingValue } from "./option_row.ts";
import { type Configuration, OPTIONS, PROGRAM_OPTIONS, SETTINGS } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The world outside, as far as the configuration reads it. */
export interface Surroundings {
  /** The value of an environment variable, if it is set and may be read. */
  readonly variable: (name: string) => string | undefined;
  /** The text of a file. May throw a UsageError. */
  readonly readFile: (path: string) => Promise<string>;
}

/** The flags of a command line: name → text; a flag without a value has `""`, a repeated one its values with commas. */
export type Flags = ReadonlyMap<string, string>;

/** A command line, taken apart. */
export interface CommandLine {
  readonly flags: Flags;
  /** The first word that is no option. */
  readonly password: string | undefined;
}

type Value = string | number;

const SWITCHES = OPTIONS.filter((row) => row.placeholder === undefined).map((row) => row.name);
const VALUED = OPTIONS.filter((row) => row.placeholder !== undefined).map((row) => row.name);

const LISTS: readonly string[] = SETTINGS.filter((row) => "isList" in row).map((row) => row.name);
const MAX_PORT = 65_535;

/**
 * Takes the arguments apart: options, and as miniGoStore has them, a password and a port.
 *
 * @throws {UsageError} for a flag that is unknown, given twice or without its value, and for any other argument
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const unknownFlags: string[] = [];
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: SWITCHES,
    // Words as well: 007 is a password, not the number 7.
    string: [...VALUED, "_"],
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
  if (flags.has("help")) return { flags, password: undefined };

  for (const name of VALUED) {
    const values = parsed[name] as string[];
    // `--port=` is a flag without a value to minimist, and an unknown one to its port in @std/cli.
    if (values.includes("") || args.includes(`--${name}=`)) {
      throw new UsageError(`--${name}`, "Cannot use it without a value");
    }
    if (values.length > 1 && !LISTS.includes(name)) {
      throw new UsageError(`--${name}`, `Cannot use it ${values.length} times: give it once`);
    }
    if (values.length > 0) flags.set(name, values.join(","));
  }
  const [flag] = unknownFlags;
  if (flag !== undefined) {
    throw new UsageError(flag, unknownOption(flag.replace(/^-+/, ""), "--", [...VALUED, ...SWITCHES]));
  }
  return { flags, password: takeWords(parsed["_"] as string[], args, flags) };
}

/** Returns the password among the words and takes the port over. No word is ever shown: it may be the password. */
function takeWords(words: readonly string[], args: readonly string[], flags: Map<string, string>): string | undefined {
  const [password, port, stray] = words.map(String);
  const place = (word: string) => `argument ${args.indexOf(word) + 1}`;
  if (password === "") throw new UsageError(place(password), "Cannot use an empty password");
  if (stray !== undefined) {
    throw new UsageError(place(stray), "Cannot use it: only options, a password and a port are taken, see --help");
  }
  if (port !== undefined) {
    if (!/^\d{1,5}$/.test(port) || Number(port) > MAX_PORT) {
      throw new UsageError(place(port), `Cannot use it as a port: it must be a whole number from 0 to ${MAX_PORT}`);
    }
    if (flags.has("port")) throw new UsageError(place(port), "Cannot use it as a port: --port is given as well");
    flags.set("port", port);
  }
  return password;
}

/**
 * Settles every setting.
 *
 * @throws {UsageError} for a value that cannot be used and for a key in the file that is no setting
 */
export async function settleConfiguration(flags: Flags, { variable, readFile }: Surroundings): Promise<Configuration> {
  const file = await readEntries(flags.get("config") ?? variable(PROGRAM_OPTIONS[0].variable), readFile);
  const values: Partial<Record<string, SettingValue>> = {};
  const sources: Partial<Record<string, string>> = {};
  for (const row of SETTINGS) {
    const [source, value] = [
      [`--${row.name}`, flags.get(row.name)],
      [row.variable, variable(row.variable)],
      [`${file.name}: ${row.name}`, file.entries.get(row.name)],
      ["default", row.defaultText],
    ].find(([, value]) => value !== undefined) as [string, unknown];
    values[row.property] = parseSetting(source, value, row);
    sources[row.property] = source;
  }
  const configuration = values as Configuration;
  for (const row of SETTINGS) {
    const source = sources[row.property]!;
    if ("needs" in row && source !== "default" && isSet(values[row.property])) requireOneOf(row.needs, values, source);
  }
  parseHere(sources["counters"]!, () => new SealingRule(configuration));
  return configuration;
}

/** Nobody is to believe that entries are kept because it was said how, or that a wire is secret that there is not. */
function requireOneOf(
  needs: readonly string[],
  values: Readonly<Partial<Record<string, SettingValue>>>,
  source: string,
): void {
  const needed = SETTINGS.filter(({ name }) => needs.includes(name));
  if (needed.some(({ property }) => isSet(values[property]))) return;
  throw new UsageError(source, `Cannot use it without ${needed.map(({ name }) => `--${name}`).join(" or ")}`);
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

function parseSetting(source: string, value: unknown, row: SettingRow | ListRow): SettingValue {
  if ("isList" in row) {
    const values = Array.isArray(value) ? value : String(value).split(",").map((one) => one.trim());
    return parseHere(source, () => row.parse(values.map((one) => asValue(source, one))));
  }
  const single = asValue(source, value);
  return parseHere(source, () => row.parse(single));
}

function asValue(source: string, value: unknown): Value {
  if (typeof value === "string" || typeof value === "number") return value;
  throw new UsageError(source, `Cannot use ${nameOfType(value)} here: write a text or a number`);
}

function parseHere<T>(source: string, parse: () => T): T {
  try {
    return parse();
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
