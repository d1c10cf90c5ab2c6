/**
 * Where the client's program has its keys from: a key file, the environment, or a person who types. Never from its
 * arguments, which other users of the machine can see.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import type { ClientKeys, FernetCodec } from "../client/options.ts";
import type { KeySource } from "../crypto/keyring.ts";
import type { ClientMachine } from "./client_machine.ts";
import type { GivenOptions } from "./client_options.ts";
import { type Derivation, type KeyringFile, parseKeyringFile } from "./keyring_file.ts";
import { UsageError } from "./usage_error.ts";

/** The variable that holds what a key file holds, where there is none. */
export const KEY_VARIABLE = "CRYPTOMEM_KEY";
/** The variable that holds the passphrase of a keyring. */
export const PASSPHRASE_VARIABLE = "CRYPTOMEM_PASSPHRASE";

/** Keys, as `new Client()` takes them. */
export interface FoundKeys {
  readonly keys?: ClientKeys;
  /** In place of `keys`. */
  readonly fernet?: FernetCodec;
}

/**
 * The key file that was given, if there is one.
 *
 * @throws {UsageError} if it is a key itself, which the caller would show as a file's name
 */
export function keyFilePath(options: GivenOptions): string | undefined {
  const path = options["key-file"];
  if (path?.startsWith("cmk1_") !== true) return path;
  throw new UsageError("--key-file", "Cannot use a key in the place of its file: write it to a file, and name that");
}

/**
 * Finds the keys, and warns of weak ones.
 *
 * @param path the key file, if there is one
 * @throws {UsageError} if there is no key, or none that can be used; no error shows any of it
 */
export async function findKeys(path: string | undefined, on: ClientMachine): Promise<FoundKeys> {
  const { source, content } = path === undefined
    ? await findKeyText(on)
    : { source: path, content: await on.readSecretFile(path) };
  const file = parseKeyringFile(source, content);
  for (const warning of file.warnings) on.complain(`warning: ${warning}`);
  if (file.fernet.length > 0) return { fernet: { key: file.fernet } };
  return { keys: await clientKeys(file, source, on) };
}

async function findKeyText(on: ClientMachine): Promise<{ source: string; content: Uint8Array }> {
  const set = on.variable(KEY_VARIABLE);
  if (set !== undefined) return { source: KEY_VARIABLE, content: utf8(set) };
  const typed = await ask("key", "Key:", on);
  if (typed !== undefined) return { source: "key", content: utf8(typed) };
  throw new UsageError(
    "key",
    "Cannot seal or open values without one: give its file with --key-file, which keygen --out FILE makes",
  );
}

async function clientKeys(file: KeyringFile, source: string, on: ClientMachine): Promise<ClientKeys> {
  const { active, openOnly, names, derivation, perNamespace } = file;
  const passphrases = derivation === undefined ? [] : [await findPassphrase(source, derivation, on)];
  const [sealing, ...opening] = active === undefined
    ? [...passphrases, ...openOnly]
    : [active, ...openOnly, ...passphrases];
  // A keyring file has a key that seals, or a passphrase.
  return { active: sealing!, openOnly: opening, perNamespace, ...names !== undefined && { names } };
}

async function findPassphrase(source: string, derivation: Derivation, on: ClientMachine): Promise<KeySource> {
  const passphrase = on.variable(PASSPHRASE_VARIABLE) ?? await ask("passphrase", `Passphrase of ${source}:`, on);
  if (passphrase === undefined) {
    throw new UsageError(
      "passphrase",
      `Cannot do without one: ${source} asks for it; run this on a terminal, or set ${PASSPHRASE_VARIABLE} and ` +
        `--allow-env=${PASSPHRASE_VARIABLE}`,
    );
  }
  return { ...derivation, passphrase };
}

/** What a person types, `undefined` where there is nobody to ask. */
async function ask(what: string, question: string, on: ClientMachine): Promise<string | undefined> {
  const typed = await on.askSecret(question);
  if (typed === "") throw new UsageError(what, "Cannot use it: nothing was typed");
  // Arrow keys and half a character that was removed leave these, unseen: nobody could type the same again.
  if (typed !== undefined && /[\p{Cc}\u{FFFD}]/u.test(typed)) {
    throw new UsageError(what, "Cannot use it: a key was pressed that stands for no character; type it again");
  }
  return typed;
}
