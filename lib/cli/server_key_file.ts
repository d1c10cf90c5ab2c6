/**
 * The file with the key that the server proves itself with: 32 bytes and nothing else. It is made once; who clients believe
 * the server to be depends on it from then on.
 *
 * @module
 */

import { SERVER_KEY_BYTES, ServerKey } from "../channel/server_key.ts";
import type { ServerMachine } from "./server_machine.ts";
import { UsageError } from "./usage_error.ts";

/** How often a file is looked at that another server has begun to make. */
const MOST_LOOKS = 100;

/**
 * The key of a file, which is made if there is none. Servers that start at once end with one key.
 *
 * @throws {UsageError} if it can be neither used nor made
 */
export async function obtainServerKey(path: string, on: ServerMachine): Promise<ServerKey> {
  if (await on.hasFile(path)) return await readServerKey(path, on);
  const bytes = ServerKey.generateBytes();
  if (!await on.makeSecretFile(path, bytes)) return await readServerKey(path, on);
  on.complain(`${path}: made a new server key; keep a copy: with another key, this is another server to clients`);
  return await ServerKey.from(bytes);
}

/**
 * The key of a file.
 *
 * @throws {UsageError} if it cannot be used
 */
export async function readServerKey(path: string, on: ServerMachine): Promise<ServerKey> {
  let bytes = await on.readSecretFile(path, SERVER_KEY_BYTES);
  for (let looks = 1; bytes.length < SERVER_KEY_BYTES && looks < MOST_LOOKS; looks++) {
    await on.pause();
    bytes = await on.readSecretFile(path, SERVER_KEY_BYTES);
  }
  try {
    return await ServerKey.from(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(path, `${error.message}; bring it back from a copy, or remove it if no client knows its pin`);
  }
}
