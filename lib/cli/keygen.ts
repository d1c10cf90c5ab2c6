/**
 * Makes keys. What it prints, or writes to a file, is a key file as it can be used.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { generateKey } from "../crypto/key.ts";
import { Fernet } from "../crypto/fernet.ts";
import { MIN_PBKDF2_ITERATIONS, MIN_SALT_BYTES } from "../limits.ts";
import { type Call, ClientExit } from "./client_command.ts";
import { UsageError } from "./usage_error.ts";

/** Runs `keygen`. */
export async function keygen({ options, on }: Call): Promise<ClientExit> {
  if (options.passphrase === true && options.fernet === true) {
    throw new UsageError("--fernet", "Cannot use it with --passphrase: a Fernet key is random");
  }
  const file = utf8(`${keyFile(options)}\n`);
  if (options.out === undefined) await on.print(file);
  else await on.writeSecretFile(options.out, file);
  return ClientExit.OK;
}

function keyFile({ passphrase, fernet }: Call["options"]): string {
  if (fernet === true) return `fernet: ${Fernet.generateKey()}`;
  if (passphrase !== true) return generateKey();
  const salt = crypto.getRandomValues(new Uint8Array(MIN_SALT_BYTES));
  return [
    "# The keyring of a passphrase. Nothing in it is secret, and every client needs the same.",
    `salt: ${salt.toBase64({ alphabet: "base64url", omitPadding: true })}`,
    `iterations: ${MIN_PBKDF2_ITERATIONS}`,
  ].join("\n");
}
