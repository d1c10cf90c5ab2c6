/**
 * Makes, shows and removes tokens of a server, in the file that it has them from.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { parseDurationMs } from "../duration.ts";
import type { TokenClass } from "../security/access.ts";
import { createToken, type Token } from "../security/token.ts";
import { type GivenArguments, parseArguments, refuseWords, singleValue } from "./command_arguments.ts";
import { quoted } from "./machine.ts";
import { replacementPath } from "./secret_file.ts";
import type { ServerMachine } from "./server_machine.ts";
import { changeTokens, readTokens } from "./token_store.ts";
import { UsageError } from "./usage_error.ts";

const DEFAULT_FILE = "tokens.yaml";
const FILE_VARIABLE = "CRYPTOMEM_TOKEN_FILE";

const OPTION_NAMES = ["name", "can", "prefix", "expires", "file"] as const;

/** Runs `token create`. Only the token goes to standard output. */
export async function createTokenCommand(args: readonly string[], on: ServerMachine): Promise<void> {
  const given = parseArguments("token create", args, OPTION_NAMES);
  refuseWords("token create", given);
  const path = pathOf(given, on);
  const { secret, token } = tokenOf(given, on);
  requireFile(["token", "create", ...args], path, "write", on);
  await changeTokens(path, on, (tokens) => {
    if (tokens.some(({ name }) => name === token.name)) {
      throw new UsageError("--name", `Cannot use ${token.name} again: a token in ${path} has this name`);
    }
    return [...tokens, token];
  });
  await on.print(utf8(`${secret}\n`));
  on.complain(`token ${token.id} is in ${path} as a hash; above, it is shown this once: ${rightsOf(token)}`);
  on.complain("a running server takes it after kill -HUP");
}

/** Runs `token list`. */
export async function listTokens(args: readonly string[], on: ServerMachine): Promise<void> {
  const given = parseArguments("token list", args, ["file"]);
  refuseWords("token list", given);
  const path = pathOf(given, on);
  requireFile(["token", "list", ...args], path, "read", on);
  const tokens = await readTokens(path, on);
  const rows = [["id", "name", "can", "prefixes", "expires"], ...tokens.map((token) => row(token, on.wallMs()))];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const lines = rows.map((cells) => cells.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
  await on.print(utf8(`${lines.join("\n")}\n`));
}

/** Runs `token revoke`. */
export async function revokeToken(args: readonly string[], on: ServerMachine): Promise<void> {
  const given = parseArguments("token revoke", args, ["file"]);
  const [holder, ...more] = given.words;
  if (holder === undefined || more.length > 0) {
    throw new UsageError("token revoke", "Cannot run it: write the id or the name of one token behind it");
  }
  const path = pathOf(given, on);
  requireFile(["token", "revoke", ...args], path, "write", on);
  await changeTokens(path, on, (tokens) => {
    const kept = tokens.filter(({ id, name }) => id !== holder && name !== holder);
    // Somebody may have written the token itself.
    if (kept.length === tokens.length) throw new UsageError(path, "Cannot revoke a token: none has this id or name");
    return kept;
  });
  on.complain(`the token is no longer in ${path}; a running server closes its connections after kill -HUP`);
}

function tokenOf(
  { options }: GivenArguments<typeof OPTION_NAMES[number]>,
  on: ServerMachine,
): { secret: string; token: Token } {
  const name = singleValue("name", options);
  if (name === undefined) throw new UsageError("--name", "Cannot make a token without one: write whose it is");
  if (options.can.length === 0) {
    throw new UsageError("--can", "Cannot make a token without it: write what it may do, such as read,write");
  }
  const expires = singleValue("expires", options);
  try {
    return createToken({
      name,
      can: parts(options.can) as TokenClass[],
      prefixes: parts(options.prefix),
      ...expires !== undefined && { expiresMs: on.wallMs() + parseDurationMs(expires) },
    });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new UsageError("token create", error.message);
  }
}

function parts(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(",").map((part) => part.trim()));
}

function pathOf({ options }: GivenArguments<"file">, on: ServerMachine): string {
  return singleValue("file", options) ?? (on.variable(FILE_VARIABLE) || DEFAULT_FILE);
}

/** Throws with the command to run unless the file may be read, or written as well. */
function requireFile(args: readonly string[], path: string, verb: "read" | "write", on: ServerMachine): void {
  const paths = verb === "write" ? [path, replacementPath(path)] : [path];
  const names = verb === "write" ? ["read", "write"] as const : ["read"] as const;
  if (names.every((name) => paths.every((one) => on.isGranted({ name, path: one })))) return;
  const permissions = names.map((name) => `--allow-${name}=${paths.join(",")}`);
  throw new UsageError(path, `Cannot ${verb} it without permission: run ${on.commandLine(permissions, args)}`);
}

function rightsOf({ name, can, prefixes, expiresMs }: Token): string {
  const where = prefixes.length === 0 ? "all keys" : `keys under ${prefixes.map(quoted).join(", ")}`;
  const until = expiresMs === undefined ? "" : `, until ${dateText(expiresMs)}`;
  return `${name} may ${can.join(", ")}; ${where}${until}`;
}

function row({ id, name, can, prefixes, expiresMs }: Token, wallMs: number): string[] {
  const expires = expiresMs === undefined ? "never" : dateText(expiresMs) + (expiresMs <= wallMs ? " (over)" : "");
  return [id, name, can.join(","), prefixes.map((prefix) => JSON.stringify(prefix)).join(",") || "all", expires];
}

function dateText(ms: number): string {
  return new Date(ms).toISOString().replace(/:\d\d\.\d+Z$/, "Z").replace("T", " ");
}
