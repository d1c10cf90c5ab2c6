/**
 * The part of `@std/cli/parse-args` that the project uses, made from minimist (of which `@std/cli` is a port), for
 * machines that cannot reach JSR (see tools/setup.ts). tests/jsr_fallback_test.ts holds it and the real package to
 * the same behaviour.
 *
 * @module
 */
// deno-lint-ignore no-import-prefix -- a JSR package cannot use this project's import map
import minimist from "npm:minimist@1.2.8";

/** What to make of the arguments. */
export interface ParseOptions<Booleans extends string, Strings extends string, Collected extends string> {
  /** Names that take no value; `false` unless given. */
  boolean?: readonly Booleans[];
  /** Names that take a value. */
  string?: readonly Strings[];
  /** Names that gather every value they are given; `[]` unless given. */
  collect?: readonly Collected[];
  /** Other names for a name. */
  alias?: Record<string, string | readonly string[]>;
  /** Whether everything after the first positional argument is positional. */
  stopEarly?: boolean;
  /** Called for each argument that is no known name; `false` drops it. `key` is missing for a positional one. */
  unknown?: (arg: string, key?: string) => unknown;
}

/** The parsed arguments; `_` holds the positional ones. */
export type Args<Booleans extends string, Strings extends string, Collected extends string> =
  & Record<string, unknown>
  & { [Name in Booleans]: boolean }
  & { [Name in Exclude<Strings, Collected | "_">]?: string }
  & { [Name in Strings & Collected]: string[] }
  & { _: (string | number)[] };

/** Sorts arguments into named and positional ones. */
export function parseArgs<
  const Booleans extends string = never,
  const Strings extends string = never,
  const Collected extends string = never,
>(
  args: string[],
  options: ParseOptions<Booleans, Strings, Collected> = {},
): Args<Booleans, Strings, Collected> {
  const { alias = {}, collect = [], unknown } = options;
  const parsed = minimist(args.map(hideNegation), {
    boolean: [...options.boolean ?? []],
    string: [...options.string ?? []],
    alias,
    stopEarly: options.stopEarly ?? false,
    ...(unknown && { unknown: (arg: string) => unknown(...withKey(showNegation(arg))) !== false }),
  }) as Record<string, unknown>;

  const collected = new Set<string>(collect.flatMap((name) => [name, ...[alias[name] ?? []].flat()]));
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parsed)) {
    const isList = Array.isArray(value);
    if (name === "_") result["_"] = (value as unknown[]).map((it) => typeof it === "string" ? showNegation(it) : it);
    else if (collected.has(name)) result[name] = isList ? value : [value];
    // Without `collect`, the last one wins.
    else result[showNegation(name)] = isList ? value.at(-1) : value;
  }
  for (const name of collected) result[name] ??= [];
  return result as Args<Booleans, Strings, Collected>;
}

// minimist takes `--no-port` for `port: false`; @std/cli does so only for names listed as `negatable`, which this
// adapter does not offer. So the prefix is made unrecognizable on the way in and put right on the way out.
const HIDDEN_NEGATION = "no\0-";

function hideNegation(arg: string): string {
  return arg.startsWith("--no-") ? `--${HIDDEN_NEGATION}${arg.slice("--no-".length)}` : arg;
}

function showNegation(text: string): string {
  return text.replace(HIDDEN_NEGATION, "no-");
}

/** The argument and the name in it: `--host=a` has `host`, `-p` has `p`, `a` has none. */
function withKey(arg: string): [arg: string, key?: string] {
  const key = /^--?([^=]+)/.exec(arg)?.[1];
  return key === undefined ? [arg] : [arg, key];
}
