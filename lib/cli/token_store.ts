/**
 * The file of tokens on this machine: read by the server, changed by its `token` commands.
 *
 * @module
 */

import { textOf, utf8 } from "../bytes.ts";
import { MAX_TOKEN_FILE_BYTES } from "../limits.ts";
import type { Token } from "../security/token.ts";
import { formatTokenFile, parseTokenFile } from "../security/token_file.ts";
import type { ServerMachine } from "./server_machine.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The tokens of a file.
 *
 * @throws {UsageError} if it cannot be read or used
 */
export async function readTokens(path: string, on: Pick<ServerMachine, "readSecretFile">): Promise<readonly Token[]> {
  const bytes = await on.readSecretFile(path, MAX_TOKEN_FILE_BYTES);
  try {
    return await parseTokenFile(textOf(bytes));
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(path, error.message);
    throw error;
  }
}

/**
 * Changes a file of tokens, which is made if there is none.
 *
 * @param change the tokens that there are → those that there shall be; what it throws, nothing is changed
 * @throws {UsageError} if it cannot be read, used or written
 */
export async function changeTokens(
  path: string,
  on: ServerMachine,
  change: (tokens: readonly Token[]) => readonly Token[],
): Promise<void> {
  await on.replaceSecretFile(path, async () => {
    const tokens = change(await on.hasFile(path) ? await readTokens(path, on) : []);
    const bytes = utf8(formatTokenFile(tokens));
    if (bytes.length > MAX_TOKEN_FILE_BYTES) {
      throw new UsageError(path, `Cannot add to it: it would have more than ${MAX_TOKEN_FILE_BYTES} bytes`);
    }
    return bytes;
  });
}
