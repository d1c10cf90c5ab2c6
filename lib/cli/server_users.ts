/**
 * Who may speak with the server, from where its configuration says: a password, its hash or its file, and a file of
 * tokens.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { MAX_PASSWORD_BYTES } from "../limits.ts";
import { type AuthenticationOptions, checkAuthentication } from "../security/authentication_options.ts";
import type { RunningServer } from "../server/serve_options.ts";
import { withoutLineEnd } from "./hash_password.ts";
import type { Configuration } from "./options.ts";
import type { ServerMachine } from "./server_machine.ts";
import { readTokens } from "./token_store.ts";
import { UsageError } from "./usage_error.ts";

/** Where passwords come from, and how errors call them. */
const SOURCES = { argument: "PASSWORD", passwordFile: "--password-file", passwordHash: "--password-hash" } as const;

/**
 * Who may speak with the server; `undefined` if everybody may.
 *
 * @param argument the password among the arguments, if there is one
 * @throws {UsageError} if that cannot be used, never with a secret in it
 */
export async function usersOf(
  configuration: Configuration,
  argument: string | undefined,
  on: Pick<ServerMachine, "readSecretFile" | "complain">,
): Promise<AuthenticationOptions | undefined> {
  const { passwordFile, passwordHash, tokenFile, rememberPassword } = configuration;
  const given = { argument, passwordFile, passwordHash };
  const [source, other] = (Object.keys(SOURCES) as (keyof typeof SOURCES)[]).filter((key) => given[key] !== undefined);
  if (other !== undefined) {
    throw new UsageError(SOURCES[other], `Cannot use it beside ${SOURCES[source!]}: a server has one password`);
  }
  if (source === undefined && tokenFile === undefined) return undefined;
  if (argument !== undefined) {
    on.complain("warning: other users of this machine can see the password among the program's arguments");
  }
  const password = argument !== undefined
    ? utf8(argument)
    : passwordFile !== undefined
    ? withoutLineEnd(await on.readSecretFile(passwordFile, MAX_PASSWORD_BYTES + "\r\n".length))
    : undefined;
  const users: AuthenticationOptions = {
    ...password !== undefined && { password },
    ...passwordHash !== undefined && { passwordHash },
    ...tokenFile !== undefined && { tokens: await readTokens(tokenFile, on) },
    rememberPassword,
  };
  try {
    checkAuthentication(users);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new UsageError(passwordFile ?? "password", error.message);
  }
  return users;
}

/**
 * Reads the tokens again. If they cannot be used the server goes on with those it has, and says so: a slip in the file
 * must not lock everybody out, and what it was to take away is not known.
 */
export async function reloadTokens(
  server: Pick<RunningServer, "replaceTokens">,
  path: string,
  on: Pick<ServerMachine, "readSecretFile" | "complain">,
): Promise<void> {
  try {
    const tokens = await readTokens(path, on);
    const closed = server.replaceTokens(tokens);
    on.complain(`${path}: read again: tokens ${tokens.length}, connections closed ${closed}`);
  } catch (error) {
    const { message } = error as Error;
    const reason = message.startsWith(path) ? message : `${path}: ${message}`;
    on.complain(`error: ${reason}; nothing has changed, revoked tokens are STILL TAKEN: put it right and send SIGHUP`);
  }
}
