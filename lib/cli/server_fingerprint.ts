/**
 * Shows by what clients know the server: the pin that they are given, and the fingerprint for comparing by eye.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { parseArguments, refuseWords, singleValue } from "./command_arguments.ts";
import { readServerKey } from "./server_key_file.ts";
import type { ServerMachine } from "./server_machine.ts";
import { UsageError } from "./usage_error.ts";

const COMMAND = "fingerprint";
const FILE_VARIABLE = "CRYPTOMEM_SERVER_KEY";

/** Runs `fingerprint`. The pin stands alone in the first line, for scripts. It makes no key. */
export async function showFingerprint(args: readonly string[], on: ServerMachine): Promise<void> {
  const given = parseArguments(COMMAND, args, ["server-key"]);
  refuseWords(COMMAND, given);
  const path = singleValue("server-key", given.options) ?? (on.variable(FILE_VARIABLE) || undefined);
  if (path === undefined) {
    throw new UsageError(COMMAND, "Cannot run it without a key: write --server-key FILE behind it");
  }
  if (!on.isGranted({ name: "read", path })) {
    const command = on.commandLine([`--allow-read=${path}`], [COMMAND, "--server-key", path]);
    throw new UsageError(path, `Cannot read it without permission: run ${command}`);
  }
  if (!await on.hasFile(path)) {
    throw new UsageError(path, "Cannot show its pin: there is no such file; server.ts --server-key FILE makes it");
  }
  const { pin, fingerprint } = await readServerKey(path, on);
  await on.print(utf8(`${pin}\n${fingerprint}\n`));
}
