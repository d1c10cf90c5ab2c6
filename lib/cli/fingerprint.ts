/**
 * The ids of keys, by which people compare what they hold without showing it, and find it in `keys status`.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { keyIdText, readKeyId } from "../crypto/envelope_header.ts";
import { deriveKeys, readKey } from "../crypto/key.ts";
import { Keyring } from "../crypto/keyring.ts";
import { ClientExit, type KeysCall } from "./client_command.ts";
import { UsageError } from "./usage_error.ts";

/** Runs `fingerprint`. */
export async function fingerprint({ keys: { keys }, options, on }: KeysCall): Promise<ClientExit> {
  if (keys === undefined) throw new UsageError("fernet", "Cannot tell the id of a Fernet key: such keys have none");
  const keyring = await Keyring.create(keys, utf8(options.namespace ?? ""));
  const lines = keyring.list().map(({ id, isActive }) => `${keyIdText(id)}  ${isActive ? "active" : "open"}\n`);
  if (keys.names !== undefined) {
    const { keyId } = await deriveKeys(await readKey(keys.names)());
    lines.push(`${keyIdText(readKeyId(keyId, 0))}  names\n`);
  }
  await on.print(utf8(lines.join("")));
  return ClientExit.OK;
}
