/**
 * Every command of the server's program, as data. Without one of them, it serves.
 *
 * @module
 */

import { hashPassword } from "./hash_password.ts";
import type { ServerCommandRow } from "./server_command.ts";
import { showFingerprint } from "./server_fingerprint.ts";
import { createTokenCommand, listTokens, revokeToken } from "./token_commands.ts";
import { UsageError } from "./usage_error.ts";

/** All commands, in the order in which help shows them. */
export const SERVER_COMMANDS: readonly ServerCommandRow[] = [
  {
    name: "hash-password",
    usage: "",
    summary: "Ask for a password, or read it from standard input, and print its hash",
    run: hashPassword,
  },
  {
    name: "fingerprint",
    usage: "[--server-key FILE]",
    summary: "Show the pin that clients are given, and its fingerprint",
    run: showFingerprint,
  },
  {
    name: "token create",
    usage: "--name NAME --can CLASSES [--prefix PREFIX]… [--expires DURATION]",
    summary: "Make a token and print it, this once",
    run: createTokenCommand,
  },
  { name: "token list", usage: "", summary: "Show the tokens that there are", run: listTokens },
  { name: "token revoke", usage: "ID", summary: "Remove a token", run: revokeToken },
];

/**
 * The command that arguments begin with, with what is behind it; `undefined` if they begin with none.
 *
 * @throws {UsageError} for the first word of a command without its second
 */
export function commandOf(args: readonly string[]): { row: ServerCommandRow; rest: readonly string[] } | undefined {
  for (const row of SERVER_COMMANDS) {
    const words = row.name.split(" ");
    if (words.every((word, i) => args[i] === word)) return { row, rest: args.slice(words.length) };
  }
  const begun = SERVER_COMMANDS.filter(({ name }) => name.startsWith(`${args[0]} `)).map(({ name }) => name);
  if (begun.length === 0) return undefined;
  // A server whose password is that word is written otherwise: server.ts -- token
  throw new UsageError(args[0]!, `Cannot run it: write ${begun.join(" or ")}`);
}
