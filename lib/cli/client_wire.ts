/**
 * Over which wire the client's program reaches the server, and who it says it is: from its options, files and the
 * environment. Passwords and tokens never come from its arguments, which other users of the machine can see.
 *
 * @module
 */

import type { ClientTlsOptions, WireOptions } from "../client/wire_options.ts";
import { fileText } from "./bounded_file.ts";
import type { ClientMachine } from "./client_machine.ts";
import type { GivenOptions } from "./client_options.ts";
import { UsageError } from "./usage_error.ts";

/** The variable that holds a password, where there is no file. */
export const PASSWORD_VARIABLE = "CRYPTOMEM_PASSWORD";
/** The variable that holds a token. */
export const TOKEN_VARIABLE = "CRYPTOMEM_TOKEN";

/** Options that name a file; what comes first in a pair is taken before the other. */
const FILES = ["tls-ca", "tls-cert", "tls-key", "password-file", "token-file"] as const;

/** The files that {@linkcode findWire} reads. */
export function wirePaths(options: GivenOptions): string[] {
  return FILES.flatMap((name) => options[name] ?? []);
}

/**
 * Reads what the options name.
 *
 * @throws {UsageError} if it cannot be used; no error shows any of a secret
 */
export async function findWire(options: GivenOptions, on: ClientMachine): Promise<WireOptions> {
  const { pin } = options;
  const tls = await findTls(options, on);
  return {
    ...pin !== undefined && { pin: pin.split(",").map((one) => one.trim()) },
    ...tls !== undefined && { tls },
    ...await findSecret(options, on),
    ...options.insecure === true && { insecure: true },
  };
}

async function findTls(options: GivenOptions, on: ClientMachine): Promise<boolean | ClientTlsOptions | undefined> {
  const { "tls-ca": ca, "tls-cert": cert, "tls-key": key } = options;
  if (ca === undefined && cert === undefined && key === undefined) return options.tls;
  return {
    ...ca !== undefined && { caCerts: [await on.readFile(ca)] },
    ...cert !== undefined && { cert: await on.readFile(cert) },
    ...key !== undefined && { key: textOf(key, await on.readSecretFile(key)) },
  };
}

/** A flag goes before the environment; two of the same kind are refused, since a connection is one user's. */
async function findSecret(
  options: GivenOptions,
  on: ClientMachine,
): Promise<Pick<WireOptions, "password" | "token">> {
  const { "password-file": passwordPath, "token-file": tokenPath } = options;
  if (passwordPath !== undefined && tokenPath !== undefined) {
    throw new UsageError("--token-file", "Cannot use it beside a password file: a connection is somebody's");
  }
  if (tokenPath !== undefined) return { token: lineOf(tokenPath, await on.readSecretFile(tokenPath)) };
  if (passwordPath !== undefined) return { password: lineOf(passwordPath, await on.readSecretFile(passwordPath)) };
  const [token, password] = [TOKEN_VARIABLE, PASSWORD_VARIABLE].map((name) => on.variable(name) || undefined);
  if (token !== undefined && password !== undefined) {
    throw new UsageError(TOKEN_VARIABLE, `Cannot use it beside ${PASSWORD_VARIABLE}: a connection is somebody's`);
  }
  if (token !== undefined) return { token };
  return password === undefined ? {} : { password };
}

/** Editors end a file with a line end, which is no part of a secret. */
function lineOf(path: string, bytes: Uint8Array): string {
  return textOf(path, bytes).replace(/\r?\n$/, "");
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return fileText(path, bytes);
  } finally {
    bytes.fill(0);
  }
}
